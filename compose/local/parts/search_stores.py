"""OpenSearch and Neo4j as processes of the system; the embedded store is retrieval's own file."""

import asyncio

from compose.local.layout import Layout
from compose.local.parts.part import Part
from compose.local.plan import REAL, Plan
from compose.local.real.neo4j.node import neo4j
from compose.local.real.neo4j.node import url as neo4j_url
from compose.local.real.opensearch.node import opensearch
from compose.local.real.opensearch.node import url as opensearch_url


async def search_stores(layout: Layout, plan: Plan) -> list[Part]:
    """None for the embedded store. Servers that are not there are fetched first (300 MB)."""
    if plan.stores != REAL:
        return []
    return [
        await asyncio.to_thread(opensearch, layout.opensearch, plan.opensearch_port),
        await asyncio.to_thread(neo4j, layout.neo4j, plan.neo4j_port),
    ]


def search_environment(layout: Layout, plan: Plan) -> dict[str, str]:
    if plan.stores != REAL:
        return {
            "RAGOPS_SEARCH_STORE": "sqlite",
            "RAGOPS_SQLITE_PATH": str(layout.search),
        }
    return {
        "RAGOPS_SEARCH_STORE": "opensearch",
        "RAGOPS_OPENSEARCH_URL": opensearch_url(plan.opensearch_port),
        "RAGOPS_NEO4J_URL": neo4j_url(plan.neo4j_port),
    }
