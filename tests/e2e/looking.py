"""Looks into the stores themselves, past the product."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
from botocore.exceptions import ClientError, ResponseStreamingError
from neo4j import AsyncGraphDatabase

from compose.local.plan import REAL
from compose.local.real.neo4j.node import url as neo4j_url
from compose.local.real.opensearch.node import url as opensearch_url
from compose.local.system import System
from contracts.topology import QUEUES

_HIDDEN_S = 20
_READS = 5


@dataclass(frozen=True)
class DeadLetter:
    """`queue` is the one that it could not be worked on."""

    queue: str
    body: str
    reason: str


def dead_letters(system: System, *queues: str) -> list[DeadLetter]:
    """All of these queues', or of every queue's. They stay where they are."""
    sqs = system.client("sqs")
    found: list[DeadLetter] = []
    for queue in queues or QUEUES:
        url = sqs.get_queue_url(QueueName=QUEUES[queue].dead_letters)["QueueUrl"]
        ask = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        taken: list[dict[str, Any]] = []
        while batch := sqs.receive_message(QueueUrl=url, VisibilityTimeout=_HIDDEN_S, **ask).get(
            "Messages"
        ):
            taken += batch
        for one in taken:
            receipt = one["ReceiptHandle"]
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
            reason = one.get("MessageAttributes", {}).get("reason", {}).get("StringValue", "")
            found.append(DeadLetter(queue, one["Body"], reason))
    sqs.close()
    return found


def objects(s3: Any, bucket: str, prefix: str = "") -> dict[str, bytes]:
    """The bucket's bodies by key, without those that are removed while it is read."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
    bodies = {key: _body(s3, bucket, key) for key in keys}
    return {key: body for key, body in bodies.items() if body is not None}


def _body(s3: Any, bucket: str, key: str) -> bytes | None:
    """None when there is no such object."""
    for _ in range(_READS):
        try:
            body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        except ResponseStreamingError:
            # LocalStack cuts off a body that is replaced or removed while it is sent.
            continue
        return body
    raise AssertionError(f"{bucket}/{key} was cut off {_READS} times: nobody writes it so often")


async def entities(system: System, tenant: str) -> set[str]:
    """The tenant's names in the graph."""
    if system.plan.stores != REAL:
        sql = "SELECT n.name FROM names n JOIN tenants t ON t.id = n.tenant WHERE t.name = ?"
        return {row[0] for row in _embedded(system, sql, tenant)}
    async with AsyncGraphDatabase.driver(neo4j_url(system.plan.neo4j_port)) as driver:
        rows, _, _ = await driver.execute_query(
            "MATCH (e:Entity {tenant: $tenant}) RETURN e.name AS name", tenant=tenant
        )
        return {row["name"] for row in rows}


async def passages(system: System, document_id: str) -> int:
    """How many the store still holds, shown or not."""
    if system.plan.stores != REAL:
        sql = "SELECT 1 FROM passages p JOIN versions v ON v.id = p.version WHERE v.document_id = ?"
        return len(_embedded(system, sql, document_id))
    url = opensearch_url(system.plan.opensearch_port)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        await http.post("/_refresh")
        query = {"query": {"term": {"document_id": document_id}}}
        answer = await http.post("/ragops-passages-*/_count", json=query)
        return int(answer.raise_for_status().json()["count"])


def _embedded(system: System, sql: str, value: str) -> list[Any]:
    (file,) = system.layout.search.glob("search-*.db")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, (value,)).fetchall()


async def remove_from_index(system: System, tenant: str, document_id: str) -> None:
    """Damage: the document's passages and versions are gone, and its head is there."""
    if system.plan.stores != REAL:
        of = "SELECT id FROM versions WHERE document_id = ?"
        _damage(system, f"DELETE FROM passages WHERE version IN ({of})", document_id)
        _damage(system, "DELETE FROM versions WHERE document_id = ?", document_id)
        return
    url = opensearch_url(system.plan.opensearch_port)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        query = {"query": {"term": {"document_id": document_id}}}
        path = f"/ragops-passages-*/_delete_by_query?refresh=true&routing={tenant}"
        answer = await http.post(path, json=query)
        assert answer.raise_for_status().json()["deleted"]


async def remove_from_graph(system: System, tenant: str, document_id: str) -> None:
    """Damage: the document's passages lead to no names."""
    if system.plan.stores != REAL:
        of = "SELECT p.id FROM passages p JOIN versions v ON v.id = p.version"
        for table in ("mentions", "abouts"):
            where = f"passage IN ({of} WHERE v.document_id = ?)"
            _damage(system, f"DELETE FROM {table} WHERE {where}", document_id)
        return
    async with AsyncGraphDatabase.driver(neo4j_url(system.plan.neo4j_port)) as driver:
        await driver.execute_query(
            "MATCH (:Version {tenant: $tenant, document_id: $id})<-[:OF]-(:Passage)"
            "-[r:MENTIONS|ABOUT]->() DELETE r",
            tenant=tenant,
            id=document_id,
        )


def _damage(system: System, sql: str, value: str) -> None:
    (file,) = system.layout.search.glob("search-*.db")
    with closing(sqlite3.connect(file, timeout=10)) as connection:
        connection.execute(sql, (value,))
        connection.commit()
