"""What one turn leaves behind in every service, and what the next one knows of it."""

import asyncio
import json
import time
from typing import Any

from compose.local.parts.valkey import valkey_url
from compose.local.system import System
from contracts.topology import SERVICES
from services.finetune_export.settings import FinetuneExportSettings
from services.memory.settings import MemorySettings
from shared.testing.probe import until
from tests.e2e.person import Person

GUIDE = b"""# Lamps

## Aurora
The lamp Aurora has a battery of 40 hours and costs 90 euros.

## Borealis
The lamp Borealis has a battery of 65 hours and costs 120 euros.
"""
SEVEN_DAYS_S = 7 * 24 * 3600
EIGHT_HOURS_S = 8 * 3600


async def test_one_turn_is_remembered_archived_and_traced_through_all_five(
    system: System, person: Person
) -> None:
    document_id = await person.upload("lamps.md", GUIDE)
    assert (await person.until_final(document_id))["status"] == "ready"
    turn = await person.ask("How long does the battery of the lamp Aurora last?")
    assert "40 hours" in turn.text
    meta = turn.one("meta")
    conversation, turn_id = meta["conversation_id"], meta["turn_id"]
    item = await until(lambda: asyncio.to_thread(_item, system, person, conversation), 20, 0.2)
    assert abs(int(item["expires_at"]["N"]) - time.time() - SEVEN_DAYS_S) < 120
    body = await until(lambda: asyncio.to_thread(_archived, system, person, meta), 20, 0.2)
    assert (body["turn_id"], body["body"]["answer"]) == (turn_id, turn.text)
    lifetime = await _session_lifetime(system, person, conversation)
    assert EIGHT_HOURS_S - 120 < lifetime <= EIGHT_HOURS_S
    await until(lambda: asyncio.to_thread(_traced, system, meta["trace_id"]), 20, 0.2)

    async def cited() -> bool:
        return bool((await person.document(document_id))["cited"] == 1)

    await until(cited, 20, 0.2)


async def test_a_follow_up_is_searched_with_the_conversations_subject(person: Person) -> None:
    document_id = await person.upload("lamps.md", GUIDE)
    assert (await person.until_final(document_id))["status"] == "ready"
    first = await person.ask("How long does the battery of the lamp Aurora last?")
    conversation = first.one("meta")["conversation_id"]
    second = await person.ask("and for the second one?", conversation)
    query = second.one("meta")["query"].lower()
    assert "battery" in query
    assert "lamp" in query
    assert second.one("citations")[0]["document_id"] == document_id
    alone = await person.ask("and for the second one?")
    assert "battery" not in alone.one("meta")["query"].lower()


async def test_another_user_of_the_tenant_does_not_see_the_conversation(
    system: System, person: Person
) -> None:
    from compose.local.minting import mint_token

    first = await person.ask("How long does the battery of the lamp Aurora last?")
    conversation = first.one("meta")["conversation_id"]
    token = mint_token(system.layout.secrets().token_secret, person.tenant, "bob")
    async with Person.at(system.url, token, person.tenant) as bob:
        turn = await bob.ask("and for the second one?", conversation)
    assert "battery" not in turn.one("meta")["query"].lower()


def _item(system: System, person: Person, conversation: str) -> dict[str, Any] | None:
    dynamodb = system.client("dynamodb")
    found = dynamodb.query(
        TableName=MemorySettings().turns_table,
        KeyConditionExpression="conversation = :c",
        ExpressionAttributeValues={":c": {"S": f"{person.tenant}#ann#{conversation}"}},
    )["Items"]
    dynamodb.close()
    return found[0] if found else None


def _archived(system: System, person: Person, meta: dict[str, str]) -> dict[str, Any] | None:
    s3 = system.client("s3")
    key = f"turns/{person.tenant}/ann/{meta['conversation_id']}/{meta['turn_id']}.json"
    try:
        body: dict[str, Any] = json.load(
            s3.get_object(Bucket=FinetuneExportSettings().archive_bucket, Key=key)["Body"]
        )
    except s3.exceptions.NoSuchKey:
        return None
    finally:
        s3.close()
    return body


async def _session_lifetime(system: System, person: Person, conversation: str) -> int:
    from redis.asyncio import Redis

    password = system.layout.secrets().valkey_password
    async with Redis.from_url(valkey_url(system.plan.valkey_port, password)) as redis:
        return int(await redis.ttl(f"session:{person.tenant}:ann:{conversation}"))


def _traced(system: System, trace_id: str) -> bool:
    return all(trace_id in system.log(service).read_text() for service in SERVICES)
