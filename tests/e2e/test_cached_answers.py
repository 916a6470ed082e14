"""A question that is asked again, through all five services."""

from shared.testing.probe import until
from tests.e2e.person import Person, Turn

QUESTION = "How long does the battery of the lamp Kassiopeia last?"


def lamps(hours: int) -> bytes:
    return f"# Lamps\n\nThe lamp Kassiopeia has a battery of {hours} hours.\n".encode()


async def test_an_answer_is_given_again_until_its_document_changes_or_goes(person: Person) -> None:
    document_id = await person.upload("kassiopeia.md", lamps(40))
    assert (await person.until_final(document_id))["status"] == "ready"

    async def cached() -> Turn | None:
        turn = await person.ask(QUESTION)
        return turn if turn.one("meta")["cached"] else None

    # The event of the upload may come a moment after the document is ready.
    again: Turn = await until(cached, 20, 0.2)
    assert "40 hours" in again.text
    assert again.names()[-1] == "done"
    usage = again.one("usage")
    assert (usage["input_tokens"], usage["output_tokens"], usage["cost_usd"]) == (0, 0, 0)
    [source] = [one for one in again.one("sources") if one["document_id"] == document_id]
    opened = await person.http.get(f"/v1/passages/{source['passage_id']}")
    assert "40 hours" in opened.json()["text"]

    await person.upload("kassiopeia.md", lamps(65))

    async def changed() -> bool:
        return "65 hours" in (await person.ask(QUESTION)).text

    await until(changed, 30, 0.2)
    await until(cached, 20, 0.2)
    gone = await person.http.delete(f"/v1/documents/{document_id}")
    assert gone.status_code == 202
    turn = await person.ask(QUESTION)
    assert not turn.one("meta")["cached"]

    async def forgotten() -> bool:
        turn = await person.ask(QUESTION)
        return document_id not in {one["document_id"] for one in turn.one("sources")}

    await until(forgotten, 20, 0.2)
    assert "hours" not in (await person.ask(QUESTION)).text
