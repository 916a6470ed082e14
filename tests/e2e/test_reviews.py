"""From a thumb down over the archive to an admin's correction, over HTTP alone."""

import json
from typing import Any

from compose.local.minting import mint_token
from compose.local.system import System
from shared.testing.probe import until
from tests.e2e.person import Person

SHARED = b"The bell of the Ossington mill weighs 300 kilograms."
PRIVATE = b"The key of the Ossington safe is kept under the blue stone."


async def _dislike(person: Person, question: str, word: str) -> tuple[str, str]:
    """The ids of the turn, whose answer has the word, and of its conversation."""

    async def answered() -> dict[str, Any] | None:
        turn = await person.ask(question)
        return turn.one("meta") if word in turn.text else None

    meta = await until(answered, 60, 0.5)
    url = f"/v1/turns/{meta['turn_id']}/feedback"

    async def given() -> bool:
        body = {"rating": "down", "reasons": ["wrong"]}
        return (await person.http.post(url, json=body)).status_code == 202

    await until(given, 30, 0.2)
    return meta["turn_id"], meta["conversation_id"]


async def test_an_admin_corrects_what_was_not_liked_and_may_be_read(
    system: System, person: Person
) -> None:
    await person.until_final(await person.upload("bell.txt", SHARED))
    # Before the private document is there: it would stand in the prompt too.
    read, conversation_id = await _dislike(person, "How heavy is the bell of the mill?", "300")
    answer = await person.http.post(
        "/v1/documents",
        files={"file": ("key.txt", PRIVATE)},
        data={"visibility": json.dumps(["user:ann"])},
    )
    await person.until_final(answer.json()["document_id"])
    hidden, _ = await _dislike(person, "Where is the key of the Ossington safe?", "stone")
    token = mint_token(system.layout.secrets().token_secret, person.tenant, "boss")
    async with Person.at(system.url, token, person.tenant) as boss:

        async def listed() -> dict[str, Any] | None:
            page = await boss.http.get("/v1/reviews")
            if page.status_code != 200:
                return None
            found = {one["turn_id"]: one for one in page.json()["reviews"]}
            return found if {read, hidden} <= found.keys() else None

        found = await until(listed, 30, 0.2)
        assert (found[hidden]["hidden"], found[hidden]["answer"]) == (True, None)
        assert "300" in found[read]["answer"]
        assert found[read]["reasons"] == ["wrong"]
        assert [one["name"] for one in found[read]["sources"] if one["cited"]] == ["bell.txt"]
        body = {"corrected_answer": "It weighs 310 kilograms."}
        url = f"/v1/reviews/{read}/correction"

        async def correct() -> dict[str, Any] | None:
            answer = await boss.http.post(url, json=body)
            return answer.json() if answer.status_code == 200 else None

        corrected = await until(correct, 30, 0.2)
        assert (corrected["state"], corrected["correction"]["by"]) == ("corrected", "boss")
        assert (await until(listed, 30, 0.2))[read] == corrected

        async def refused() -> bool:
            answer = await boss.http.post(f"/v1/reviews/{hidden}/correction", json=body)
            assert answer.status_code in (409, 503)
            return answer.status_code == 409

        await until(refused, 30, 0.2)

    async def kept() -> str | None:
        answer = await person.http.get(f"/v1/conversations/{conversation_id}")
        return answer.text if answer.status_code == 200 else None

    text = await until(kept, 30, 0.2)
    assert ("300" in text, "310" in text) == (True, False)
