"""Looks into the stores themselves, past the product."""

import sqlite3
from contextlib import closing
from typing import Any

import httpx
from neo4j import AsyncGraphDatabase

from compose.local.plan import REAL
from compose.local.real.neo4j.node import url as neo4j_url
from compose.local.real.opensearch.node import url as opensearch_url
from compose.local.system import System


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
