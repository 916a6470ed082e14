"""A version of the prompt answers where its label stands, is measured there, and is archived."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from compose.local.minting import mint_token
from compose.local.system import System
from contracts.gateway.http_prompts import PromptBody
from contracts.topology import ARCHIVE_BUCKET
from shared.client.answers.asking import Asking
from shared.client.answers.questions import read_questions
from shared.client.answers.results import figures, values_of
from shared.client.client import open_client
from shared.testing.emulator import own_prefix
from shared.testing.probe import until
from tests.e2e.looking import objects
from tests.e2e.person import Person

SET = Path(__file__).parents[1] / "quality/answers"
BRIEF = PromptBody(system="Answer with at most one sentence.")


def no_bar(_: str, __: int) -> Callable[[int], None]:
    return lambda _: None


def archived(system: System, tenant: str) -> dict[str, Any]:
    """Bodies of the tenant's archived versions and moves, by key."""
    s3 = system.client("s3")
    try:
        found = objects(s3, ARCHIVE_BUCKET, f"prompts/{tenant}/")
        return {key: json.loads(body) for key, body in found.items()}
    finally:
        s3.close()


async def test_an_evaluation_is_answered_by_its_prompt(system: System) -> None:
    tenant = own_prefix() + "answers"
    token = mint_token(system.layout.secrets().token_secret, tenant, "ann")
    known = read_questions(SET)
    few = replace(known, questions=known.questions[:3])
    async with open_client(system.url, token) as client:
        own = await Asking(few, None, keep=True).run(client, no_bar)
        brief = await Asking(few, BRIEF, keep=True).run(client, no_bar)
        labels = (await client.prompts()).labels
    assert own.prompt is not None
    assert brief.prompt is not None
    assert own.prompt.version != brief.prompt.version
    assert [(one.label, one.version) for one in labels] == [("production", brief.prompt.version)]
    # The same questions again: the answers of another version are not given.
    assert not any(one.cached for one in brief.answers)
    assert all(len(one.cited) == 1 for one in brief.answers)
    assert figures(values_of(few, brief))["gold_cited"].interval.mean == 1

    async def kept() -> bool:
        keys = await asyncio.to_thread(archived, system, tenant)
        place = f"prompts/{tenant}"
        return {
            f"{place}/versions/answer/{own.prompt.version}.json" if own.prompt else "",
            f"{place}/versions/answer/{brief.prompt.version}.json" if brief.prompt else "",
            f"{place}/labels/answer/production/0000000001.json",
        } == set(keys)

    await until(kept, 20, 0.2)


async def test_a_canary_that_breaks_goes_back_within_a_minute(
    system: System, person: Person
) -> None:
    fare = await person.upload("ferry.txt", b"The ferry to Cork costs 40 euros.")
    assert (await person.until_final(fare))["status"] == "ready"
    made = await person.http.post("/v1/prompts", json=BRIEF.model_dump())
    version = made.json()["version"]
    place, body = "/v1/prompts/answer/labels/canary", {"version": version, "weight": 100}
    assert (await person.http.put(place, json=body)).status_code == httpx.codes.OK
    question = "What does the ferry to Cork cost?"
    for n in range(5):
        broken = await person.ask(f"{question} {{{{fault:stream_internal}}}} {n}")
        # The fault fired.
        assert broken.names()[-1] == "error"

    async def went_back() -> dict[str, Any] | None:
        labels = (await person.http.get("/v1/prompts")).json()["labels"]
        [canary] = [one for one in labels if one["label"] == "canary"]
        return canary if canary["version"] is None else None

    canary = await until(went_back, 60, 0.2)
    assert canary["before"] == version
    assert canary["reason"].startswith("failures: 5 of 5 turns")
    # Somebody else: the memory of the first one holds the words that break a model.
    token = mint_token(system.layout.secrets().token_secret, person.tenant, "bob")
    async with Person.at(system.url, token, person.tenant) as bob:
        assert (await bob.ask(question)).names()[-1] == "done"

    async def production_is_counted() -> bool:
        arms = (await person.http.get("/v1/prompts/answer/arms")).json()["arms"]
        return [(one["label"], one["turns"]) for one in arms] == [("production", 1)]

    await until(production_is_counted, 10, 0.2)

    async def told() -> bool:
        found = await asyncio.to_thread(archived, system, person.tenant)
        return any(canary["reason"] in json.dumps(one) for one in found.values())

    await until(told, 20, 0.2)


async def test_a_shadow_answers_too_and_changes_nothing_that_is_seen(person: Person) -> None:
    fare = await person.upload("ferry.txt", b"The ferry to Cork costs 40 euros.")
    assert (await person.until_final(fare))["status"] == "ready"
    made = await person.http.post("/v1/prompts", json=BRIEF.model_dump())
    body = {"version": made.json()["version"], "weight": 100, "expects": None}
    moved = await person.http.put("/v1/prompts/answer/labels/shadow", json=body)
    assert moved.status_code == httpx.codes.OK, moved.text
    question = "What does the ferry to Cork cost?"
    turn = await person.ask(question)
    assert "40" in turn.text

    async def counted() -> bool:
        arms = (await person.http.get("/v1/prompts/answer/arms")).json()["arms"]
        found = {one["label"]: (one["turns"], one["failures"]) for one in arms}
        return found == {"production": (1, 0), "shadow": (1, 0)}

    await until(counted, 20, 0.2)

    async def spent() -> bool:
        rows = (await person.http.get("/v1/usage", params={"by": "purpose"})).json()["rows"]
        calls = {one["key"]: (one["calls"], one["input_tokens"] > 0) for one in rows}
        return calls.get("answer") == calls.get("shadow") == (1, True)

    await until(spent, 20, 0.2)
    place = f"/v1/conversations/{turn.one('meta')['conversation_id']}"

    async def remembered() -> list[dict[str, Any]]:
        found = await person.http.get(place)
        return list(found.json()["turns"]) if found.status_code == httpx.codes.OK else []

    [kept] = await until(remembered, 20, 0.2)
    assert kept["answer"] == turn.text
    assert (await person.ask(question)).text == turn.text
