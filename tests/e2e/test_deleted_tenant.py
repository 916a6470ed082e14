"""A tenant is created, limited, suspended and deleted over HTTP: no store has a trace of it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest_asyncio
from redis.asyncio import Redis

from compose.local.minting import mint_token
from compose.local.parts.services import environment_of
from compose.local.parts.valkey import valkey_url
from compose.local.system import System
from contracts.envelope import Context, wrap
from contracts.gateway.turns import TurnCompletedV1
from contracts.platform.usage import ModelUsedV2
from contracts.topology import AUDIT_BUCKET, BUCKETS, TURNS_TABLE
from shared.testing.emulator import own_prefix
from shared.testing.probe import until
from tests.e2e.forging import publish_all
from tests.e2e.looking import objects
from tests.e2e.person import Person
from tests.integration.gateway.test_session_store import everything

# The audit log is locked: it keeps that the tenant was, and what was done with it.
SCANNED = [bucket for bucket in BUCKETS if bucket != AUDIT_BUCKET]
CANARY = "Quillfeather"
TEXT = f"The lighthouse of {CANARY} is 41 metres high. I work in {CANARY}."
QUESTION = f"I work in {CANARY}. How high is the lighthouse of {CANARY}?"


@pytest_asyncio.fixture(loop_scope="session")
async def operator(system: System) -> AsyncIterator[Person]:
    tenant = own_prefix() + "operators"
    token = mint_token(system.layout.secrets().token_secret, tenant, "root")
    async with Person.at(system.url, token, tenant) as made:
        yield made


async def traces(system: System, *words: str) -> list[str]:
    """What the stores hold of the words, by store."""
    found = {
        "redis": await _redis(system),
        "postgresql": await _postgresql(system),
        "search": await asyncio.to_thread(_search, system),
        **await asyncio.to_thread(_aws, system),
    }
    return [
        f"{store}: {line[:200]}"
        for store, text in found.items()
        for line in text.splitlines()
        if any(word in line for word in words)
    ]


async def _redis(system: System) -> str:
    password = system.layout.secrets().valkey_password
    client = Redis.from_url(valkey_url(system.plan.valkey_port, password))
    try:
        return await everything(client)
    finally:
        await client.aclose()


async def _postgresql(system: System) -> str:
    url = environment_of(system.plan, system.layout)["RAGOPS_DATABASE_URL"]
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        rows = [
            f"{table['table_name']} {row[0]}"
            for table in tables
            for row in await connection.fetch(f"SELECT row_to_json(t) FROM {table[0]} t")
        ]
        return "\n".join(rows)
    finally:
        await connection.close()


def _search(system: System) -> str:
    (file,) = system.layout.search.glob("search-*.db")
    tables = ("tenants", "members", "audiences", "heads", "versions", "passages", "names", "facts")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return "\n".join(
            f"{table} {row}"
            for table in tables
            for row in connection.execute(f"SELECT * FROM {table}")
        )


def _aws(system: System) -> dict[str, str]:
    s3, dynamodb = system.client("s3"), system.client("dynamodb")
    found = {"dynamodb": "\n".join(json.dumps(one, default=str) for one in _items(dynamodb))}
    found |= {bucket: _lines(s3, bucket) for bucket in SCANNED}
    s3.close()
    dynamodb.close()
    return found


def _audited(system: System) -> str:
    s3 = system.client("s3")
    lines = _lines(s3, AUDIT_BUCKET)
    s3.close()
    return lines


def _lines(s3: Any, bucket: str) -> str:
    return "\n".join(f"{key} {body!r}" for key, body in objects(s3, bucket).items())


def _items(dynamodb: Any) -> list[Any]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=TURNS_TABLE)
    return [item for page in pages for item in page["Items"]]


async def test_a_deleted_tenant_leaves_no_trace(system: System, operator: Person) -> None:
    tenant = own_prefix() + "gone"
    url, secret = f"/v1/admin/tenants/{tenant}", system.layout.secrets().token_secret
    made = await operator.http.post(url, json={"limits": {"usd_month": 5}})
    assert made.status_code == 201, made.text
    async with Person.at(system.url, mint_token(secret, tenant, "ann"), tenant) as ann:
        await ann.until_final(await ann.upload("a.txt", TEXT.encode()))
        prompt = await ann.http.post("/v1/prompts", json={"system": f"Speak of {CANARY}."})
        assert prompt.status_code == 201, prompt.text
        production = {"version": prompt.json()["version"], "expects": None}
        label = await ann.http.put("/v1/prompts/answer/labels/production", json=production)
        assert label.status_code == 200, label.text
        assert "41" in (await ann.ask(QUESTION, "c1")).text
        stores = ("redis", "postgresql", "search", "dynamodb", *SCANNED)

        async def everywhere() -> bool:
            kept = await traces(system, tenant, CANARY)
            archived = (f": {prefix}/{tenant}/" for prefix in ("turns", "usage"))
            if not all(any(place in one for one in kept) for place in archived):
                return False
            return all(any(one.startswith(f"{store}:") for one in kept) for store in stores)

        await until(everywhere, 30, 0.5)
        limited = await operator.http.put(url, json={"limits": {"tokens_month": 1}})
        assert limited.status_code == 200
        suspended = await operator.http.post(f"{url}/suspend")
        assert suspended.json()["suspended"] is True
        begun = await operator.http.delete(url)
        assert begun.status_code == 202, begun.text
        erasure = f"/v1/erasures/{begun.json()['erasure_id']}"

        async def receipt() -> Any:
            shown = (await operator.http.get(erasure)).json()
            return shown if shown["complete"] else None

        removed = (await until(receipt, 60, 0.2))["removed"]
        assert removed["ingestion"]["documents"] == 1
        assert removed["gateway"]["sessions"] == 1
        assert (removed["memory"]["turns"], removed["memory"]["facts"]) == (1, 1)
        assert removed["finetune_export"]["turns"] == 1
        assert removed["finetune_export"]["usage"] > 0
        # The gateway's own version, this one, and where the label stands.
        assert removed["finetune_export"]["prompts"] == 3
        await until(lambda: _gone(system, tenant), 20, 0.5)
        refused = await ann.http.get("/v1/documents")
        assert (refused.status_code, refused.json()["code"]) == (403, "tenant_deleted")
        await _late_events(system, tenant)
        assert await traces(system, tenant, CANARY) == []
        audited = await asyncio.to_thread(_audited, system)
        assert "tenant_deleted" in audited
        assert CANARY not in audited
    again = await operator.http.post(url, json={})
    assert (again.status_code, again.json()["code"]) == (409, "not_possible")
    assert "may come late" in again.json()["detail"]


async def _gone(system: System, tenant: str) -> bool:
    """The receipt loses the name when it is looked at the next time."""
    return await traces(system, tenant, CANARY) == []


async def _late_events(system: System, tenant: str) -> None:
    """A turn and its usage from before, which are handled before a marker sent after them."""
    shown = [one async for one in _made_before(tenant)]
    sns, sqs = system.client("sns"), system.client("sqs")
    arns = [one["TopicArn"] for one in sns.list_topics()["Topics"]]
    for topic, envelopes in (("turns", shown[:1]), ("usage", shown[1:])):
        [arn] = [one for one in arns if one.endswith(f":{topic}")]
        publish_all(sns, arn, envelopes)
    queues = ("memory-events", "finetune-events", "gateway-events", "ingestion-events")

    def empty() -> bool:
        counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        for queue in queues:
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))
            if any(int(told["Attributes"][one]) for one in counts):
                return False
        return True

    await until(lambda: asyncio.to_thread(empty), 30, 0.2)
    sns.close()
    sqs.close()


async def _made_before(tenant: str) -> AsyncIterator[Any]:
    before = datetime(2026, 1, 1, tzinfo=UTC)
    context = Context(tenant=tenant, principal="ann")
    turn = TurnCompletedV1(
        turn_id="late",
        conversation_id="c1",
        question=QUESTION,
        query=QUESTION,
        answer=TEXT,
        model="m",
        prompt_version="1",
        sources=(),
        input_tokens=1,
        output_tokens=1,
        cost_usd=Decimal(0),
        started_at=before,
        completed_at=before,
    )
    used = ModelUsedV2(
        service="memory",
        purpose="remember",
        model="m",
        calls=1,
        input_tokens=1,
        output_tokens=0,
        cost_usd=Decimal(0),
    )
    for message in (turn, used):
        yield wrap(message, context, occurred_at=before)
