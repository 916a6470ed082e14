"""GraphStore on Neo4j."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from neo4j import (
    AsyncDriver,
    AsyncGraphDatabase,
    AsyncManagedTransaction,
    NotificationMinimumSeverity,
    Query,
)
from neo4j.exceptions import Neo4jError

from services.retrieval.models.document import Head, Version
from services.retrieval.models.link import Link
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.models.place import Place, Support, Topic
from services.retrieval.models.scope import Scope
from services.retrieval.store.metadata_terms import terms
from services.retrieval.store.neo4j import statements
from services.retrieval.store.neo4j.filtering import Predicate, predicate
from services.retrieval.store.neo4j.outages import met, outages
from shared.errors import Unavailable

logger = logging.getLogger(__name__)
EVERYONE = "*"
_EDGES = 5_000
_PASSAGES = 500
# Neo4j's index takes 8 kB a key.
_MAX_NAME = 1_000
# The embedded store counts the passages that name an entity no further either.
_MAX_COUNTED = 100
# Of those that lead to a name some may be shown no more.
_MAX_VERSIONS = 5
_ATTEMPTS = 5
_READ_S, _WARM_UP_S = 2.0, 60.0
_WRITE_RETRY_S = 5.0
_CONNECT_S = 3.0
_CONNECTIONS = 64

Edge = list[str]
Values = dict[str, Any]


class Neo4jGraphStore:
    """Reads run once, within _READ_S; writes are repeated when they met another."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self._prepared = False

    async def ping(self) -> None:
        await self._read("RETURN 1", {})

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        # Without its constraints, two writers at once could make two of one name.
        await self.prepare()
        mentions = _edges((p.passage.passage_id, name) for p in passages for name in p.mentions)
        abouts = _edges((p.passage.passage_id, name) for p in passages for name in p.about)
        ids = [p.passage.passage_id for p in passages]
        for part in _batches(ids, _PASSAGES):
            await self._write(statements.ADD_PASSAGES, _of_version(version) | {"passages": part})
        for statement, edges in (
            (statements.ADD_MENTIONS, mentions),
            (statements.ADD_ABOUTS, abouts),
        ):
            for batch in _batches(edges, _EDGES):
                await self._write(statement, {"tenant": version.tenant, "edges": batch})
        return len({name for _, name in mentions + abouts})

    async def purge(self, tenant: str, document_id: str, head: Head) -> None:
        below = head.ordinal if head.live else head.ordinal + 1
        values = {"tenant": tenant, "document_id": document_id, "below": below}
        while await self._write(statements.REMOVE_PASSAGES, values | {"batch": _PASSAGES}):
            pass
        await self._write(statements.REMOVE_VERSIONS, values)

    async def links(self, scope: Scope, seeds: Sequence[str], max_owners: int) -> list[Link]:
        values: Values = {"seeds": list(seeds), "max_owners": max_owners}
        return [Link(**row) for row in await self._inside(statements.links, scope, values)]

    async def places(self, scope: Scope, name: str, most: int) -> list[Place]:
        values: Values = {"name": name, "most": most}
        return [Place(**row) for row in await self._inside(statements.places, scope, values)]

    async def topics(
        self, scope: Scope, passage_ids: Sequence[str], max_owners: int
    ) -> list[Topic]:
        values: Values = {"seeds": list(passage_ids), "max_owners": max_owners}
        return [Topic(**row) for row in await self._inside(statements.topics, scope, values)]

    async def supports(self, scope: Scope, beginnings: Sequence[str], most: int) -> list[Support]:
        values: Values = {"beginnings": list(beginnings), "most": most}
        return [Support(**row) for row in await self._inside(statements.supports, scope, values)]

    async def prepare(self) -> None:
        """Constraints, idempotently; and the queries' plans, which cost up to 260 ms once each."""
        if self._prepared:
            return
        for statement in statements.CONSTRAINTS:
            await self._write(statement, {})
        values: Values = {"seeds": ["-"], "max_owners": 1, "name": "-", "beginnings": ["-"]}
        for read in (statements.links, statements.places, statements.topics, statements.supports):
            await self._inside(read, Scope("-"), values | {"most": 1}, _WARM_UP_S)
        self._prepared = True

    async def _inside(
        self,
        statement: Callable[[str], str],
        scope: Scope,
        values: Values,
        within_s: float = _READ_S,
    ) -> list[Values]:
        """The rows of a statement whose every passage is in scope."""
        inside = predicate(scope.filter) if scope.filter else Predicate("true", {})
        bounds = _of_scope(scope) | inside.values
        return await self._read(statement(inside.cypher), bounds | values, within_s)

    async def _read(
        self, statement: str, values: Values, within_s: float = _READ_S
    ) -> list[Values]:
        with outages():
            async with self._driver.session(default_access_mode="READ") as session:
                answer = await session.run(Query(statement, timeout=within_s), values)
                return await answer.data()

    async def _write(self, statement: str, values: Values) -> int:
        """The first number of the answer, 0 without one."""

        async def work(transaction: AsyncManagedTransaction) -> int:
            row = await (await transaction.run(statement, values)).single()
            return int(row[0]) if row else 0

        with outages():
            async with self._driver.session() as session:
                for _ in range(_ATTEMPTS - 1):
                    try:
                        return await session.execute_write(work)
                    except Neo4jError as error:
                        if not met(error):
                            raise
                return await session.execute_write(work)


@asynccontextmanager
async def open_neo4j(
    url: str, user: str = "", password: str = ""
) -> AsyncIterator[Neo4jGraphStore]:
    """Makes constraints and warms up, later if it is down: search goes on without the graph.

    Without a user: no authentication.
    """
    async with AsyncGraphDatabase.driver(
        url,
        auth=(user, password) if user else None,
        max_connection_pool_size=_CONNECTIONS,
        connection_timeout=_CONNECT_S,
        connection_acquisition_timeout=_CONNECT_S,
        max_transaction_retry_time=_WRITE_RETRY_S,
        # A graph that is still empty knows no labels, and would say so at each query.
        notifications_min_severity=NotificationMinimumSeverity.OFF,
    ) as driver:
        store = Neo4jGraphStore(driver)
        try:
            await store.prepare()
        except Unavailable as error:
            logger.warning("graph_not_ready", extra={"fields": {"reason": str(error)}})
        yield store


def _edges(pairs: Iterator[tuple[str, str]]) -> list[Edge]:
    """In order of name: writes that take the same locks take them in the same order."""
    wanted = {(passage, name) for passage, name in pairs if 0 < len(name) <= _MAX_NAME}
    return sorted(([*pair] for pair in wanted), key=lambda edge: (edge[1], edge[0]))


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _of_scope(scope: Scope) -> Values:
    return {
        "tenant": scope.tenant,
        "visible_to": [EVERYONE, *scope.visible_to],
        "max_counted": _MAX_COUNTED,
        "max_versions": _MAX_VERSIONS,
    }


def _of_version(version: Version) -> Values:
    return {
        "tenant": version.tenant,
        "document_id": version.document_id,
        "ordinal": version.ordinal,
        "properties": {
            "name": version.name,
            "media_type": version.media_type,
            "created_at": version.created_at,
            "tags": list(version.tags),
            "metadata": terms(version.metadata),
            "visible_to": [EVERYONE] if version.visibility is None else list(version.visibility),
        },
    }
