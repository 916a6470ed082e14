"""GraphStore on Neo4j: the tenant stands on every node and in every match.

(:Version)<-[:OF]-(:Passage)-[:MENTIONS|ABOUT]->(:Entity). A name lives while a passage leads to it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from neo4j import (
    AsyncDriver,
    AsyncGraphDatabase,
    AsyncManagedTransaction,
    NotificationMinimumSeverity,
    Query,
    TrustCustomCAs,
)
from neo4j.exceptions import Neo4jError

from services.retrieval.models.document import Head, Version
from services.retrieval.models.filter import Scope
from services.retrieval.models.graph import QUESTION, Link, Place, Subject, Support
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.store.metadata_terms import terms
from services.retrieval.store.neo4j.auditing import Audited
from services.retrieval.store.neo4j.filtering import Predicate, predicate
from services.retrieval.store.neo4j.outages import DEPENDENCY, LOST, met, outages
from shared.errors import Unavailable

logger = logging.getLogger(__name__)
EVERYONE = "*"
_EDGES, _PASSAGES = 5_000, 500
# Neo4j's index takes 8 kB a key.
_MAX_NAME = 1_000
# The embedded store counts the passages that name an entity no further either.
_MAX_COUNTED = 100
# Several versions for each name, as some of them may not be shown.
_MAX_VERSIONS = 5
_ATTEMPTS = 5
_READ_S, _WARM_UP_S = 2.0, 60.0
_WRITE_RETRY_S, _CONNECT_S = 5.0, 3.0
_CONNECTIONS = 64

Edge = list[str]
Values = dict[str, Any]


class Neo4jGraphStore(Audited):
    """Reads run once, within _READ_S; writes are repeated when they met another.

    VISIBLE in a statement stands for the scope: visibility and filter of a version `v`. Counts see
    the scope alone, as what a principal may not see must not change what they find; they stop
    early, since a name with more passages distinguishes none of them.

    A server that comes back is cold and misses _READ_S: searches are refused until `prepare`.
    """

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self._prepared = False
        self._preparing = asyncio.Lock()

    async def ping(self) -> None:
        await self._read("RETURN 1", {})

    _ADD_PASSAGES = """
    MERGE (v:Version {tenant: $tenant, document_id: $document_id, ordinal: $ordinal})
    ON CREATE SET v += $properties
    WITH v
    UNWIND $passages AS id
    MERGE (p:Passage {tenant: $tenant, id: id})
    MERGE (p)-[:OF]->(v)
    """
    _ADD_EDGES = """
    UNWIND $edges AS edge
    MATCH (p:Passage {tenant: $tenant, id: edge[0]})
    MERGE (e:Entity {tenant: $tenant, name: edge[1]})
    MERGE (p)-[:RELATION]->(e)
    """

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        # Without its constraints, two writers at once could make two of one name.
        await self.prepare()
        mentions = _edges((p.passage.passage_id, name) for p in passages for name in p.mentions)
        abouts = _edges((p.passage.passage_id, name) for p in passages for name in p.about)
        ids = [p.passage.passage_id for p in passages]
        for part in _batches(ids, _PASSAGES):
            await self._write(self._ADD_PASSAGES, _of_version(version) | {"passages": part})
        for relation, edges in (("MENTIONS", mentions), ("ABOUT", abouts)):
            statement = self._ADD_EDGES.replace("RELATION", relation)
            for batch in _batches(edges, _EDGES):
                await self._write(statement, {"tenant": version.tenant, "edges": batch})
        return len({name for _, name in mentions + abouts})

    # SET locks the name: a write that leads a passage to it waits, and then finds it gone.
    _REMOVE_PASSAGES = """
    MATCH (v:Version {tenant: $tenant, document_id: $document_id})
      <-[:OF]-(p:Passage {tenant: $tenant})
    WHERE v.ordinal < $below
    WITH p LIMIT $batch
    OPTIONAL MATCH (p)-[:MENTIONS|ABOUT]->(e:Entity {tenant: $tenant})
    WITH collect(DISTINCT p) AS passages, collect(DISTINCT e) AS names
    FOREACH (p IN passages | DETACH DELETE p)
    WITH size(passages) AS removed, names
    CALL (names) {
      UNWIND names AS e
      SET e.name = e.name
      WITH e WHERE NOT EXISTS { (e)--() }
      DELETE e
      RETURN count(e) AS unsupported
    }
    RETURN removed, unsupported
    """
    _REMOVE_VERSIONS = """
    MATCH (v:Version {tenant: $tenant, document_id: $document_id})
    WHERE v.ordinal < $below AND NOT EXISTS { (v)--() }
    DELETE v
    """

    async def purge(self, tenant: str, document_id: str, head: Head) -> int:
        below = head.ordinal if head.live else head.ordinal + 1
        values = {"tenant": tenant, "document_id": document_id, "below": below}
        gone, passages = 0, True
        while passages:
            removed = await self._write(self._REMOVE_PASSAGES, values | {"batch": _PASSAGES})
            passages = any(removed[:1])
            gone += sum(removed[1:])
        await self._write(self._REMOVE_VERSIONS, values)
        return gone

    _LINKS = """
    MATCH (v:Version {tenant: $tenant})<-[:OF]-(s:Passage {tenant: $tenant})
      -[:MENTIONS]->(e:Entity {tenant: $tenant})
    WHERE s.id IN $seeds AND VISIBLE AND EXISTS { (e)<-[:ABOUT]-() }
    WITH e, collect(s) AS seeds
    CALL (e) {
      MATCH (e)<-[:ABOUT]-(p:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
      WHERE VISIBLE
      WITH p, v LIMIT $max_owners + 1
      RETURN collect({passage: p, version: v}) AS owners
    }
    WITH e, seeds, owners WHERE 1 <= size(owners) <= $max_owners
    CALL (e) {
      MATCH (e)<-[:MENTIONS]-(:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
      WHERE VISIBLE
      WITH v LIMIT $max_counted
      RETURN count(v) AS named_by
    }
    UNWIND seeds AS s
    UNWIND owners AS owner
    WITH e, s, owner.passage AS p, owner.version AS v, named_by WHERE p <> s
    RETURN s.id AS seed, e.name AS entity, p.id AS passage_id, v.document_id AS document_id,
      v.ordinal AS ordinal, named_by
    """

    async def links(self, scope: Scope, seeds: Sequence[str], max_owners: int) -> list[Link]:
        values: Values = {"seeds": list(seeds), "max_owners": max_owners}
        return [Link(**row) for row in await self._search(self._LINKS, scope, values)]

    _OWNERS = """
    UNWIND $names AS name
    MATCH (e:Entity {tenant: $tenant, name: name})
    CALL (e) {
      MATCH (e)<-[:ABOUT]-(p:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
      WHERE VISIBLE
      WITH p, v LIMIT $max_owners + 1
      RETURN collect({passage: p, version: v}) AS owners
    }
    WITH e, owners WHERE 1 <= size(owners) <= $max_owners
    CALL (e) {
      MATCH (e)<-[:MENTIONS]-(:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
      WHERE VISIBLE
      WITH v LIMIT $max_counted
      RETURN count(v) AS named_by
    }
    UNWIND owners AS owner
    WITH e, owner.passage AS p, owner.version AS v, named_by
    RETURN e.name AS entity, p.id AS passage_id, v.document_id AS document_id,
      v.ordinal AS ordinal, named_by
    """

    async def owners(self, scope: Scope, names: Sequence[str], max_owners: int) -> list[Link]:
        values: Values = {"names": list(names), "max_owners": max_owners}
        return [Link(QUESTION, **row) for row in await self._search(self._OWNERS, scope, values)]

    # UNION leaves a passage out that both halves have.
    _PLACES = """
    MATCH (e:Entity {tenant: $tenant, name: $name})
    CALL (e) {
      MATCH (e)<-[:ABOUT]-(p:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
      WHERE VISIBLE
      RETURN p, v LIMIT $most
      UNION
      MATCH (e)<-[:MENTIONS]-(p:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
      WHERE VISIBLE
      RETURN p, v LIMIT $most
    }
    RETURN p.id AS passage_id, v.document_id AS document_id, v.ordinal AS ordinal,
      EXISTS { (p)-[:ABOUT]->(e) } AS about, EXISTS { (p)-[:MENTIONS]->(e) } AS mentions
    """

    async def places(self, scope: Scope, name: str, most: int) -> list[Place]:
        values: Values = {"name": name, "most": most}
        return [Place(**row) for row in await self._search(self._PLACES, scope, values)]

    _SUBJECTS = """
    MATCH (v:Version {tenant: $tenant})<-[:OF]-(s:Passage {tenant: $tenant})
      -[:ABOUT]->(e:Entity {tenant: $tenant})
    WHERE s.id IN $seeds AND VISIBLE
    WITH e, collect(s) AS seeds
    CALL (e) {
      MATCH (e)<-[:ABOUT]-(:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
      WHERE VISIBLE
      WITH v LIMIT $max_owners + 1
      RETURN count(v) AS owners
    }
    WITH e, seeds, owners WHERE owners <= $max_owners
    CALL (e) {
      MATCH (e)<-[:MENTIONS]-(:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
      WHERE VISIBLE
      WITH v LIMIT $max_counted
      RETURN count(v) AS named_by
    }
    UNWIND seeds AS s
    RETURN s.id AS passage_id, e.name AS name, named_by
    """

    async def subjects(
        self, scope: Scope, passage_ids: Sequence[str], max_owners: int
    ) -> list[Subject]:
        values: Values = {"seeds": list(passage_ids), "max_owners": max_owners}
        return [Subject(**row) for row in await self._search(self._SUBJECTS, scope, values)]

    _SUPPORTS = """
    UNWIND $beginnings AS beginning
    CALL (beginning) {
      MATCH (e:Entity {tenant: $tenant}) WHERE e.name STARTS WITH beginning
      CALL (e) {
        MATCH (e)<-[:ABOUT|MENTIONS]-(:Passage {tenant: $tenant})
          -[:OF]->(v:Version {tenant: $tenant})
        WHERE VISIBLE
        WITH DISTINCT v LIMIT $max_versions
        RETURN collect(v) AS versions
      }
      WITH e, versions WHERE size(versions) > 0
      RETURN e, versions LIMIT $most
    }
    UNWIND versions AS v
    RETURN e.name AS name, v.document_id AS document_id, v.ordinal AS ordinal
    """

    async def supports(self, scope: Scope, beginnings: Sequence[str], most: int) -> list[Support]:
        values: Values = {"beginnings": list(beginnings), "most": most}
        return [Support(**row) for row in await self._search(self._SUPPORTS, scope, values)]

    _CONSTRAINTS = (
        """
        CREATE CONSTRAINT version_once IF NOT EXISTS
        FOR (v:Version) REQUIRE (v.tenant, v.document_id, v.ordinal) IS UNIQUE
        """,
        """
        CREATE CONSTRAINT passage_once IF NOT EXISTS
        FOR (p:Passage) REQUIRE (p.tenant, p.id) IS UNIQUE
        """,
        """
        CREATE CONSTRAINT entity_once IF NOT EXISTS
        FOR (e:Entity) REQUIRE (e.tenant, e.name) IS UNIQUE
        """,
    )

    async def prepare(self) -> None:
        """Constraints, idempotently; and the queries' plans: 260 ms each, seconds when cold."""
        async with self._preparing:
            if self._prepared:
                return
            for statement in self._CONSTRAINTS:
                await self._write(statement, {})
            lists = {key: ["-"] for key in ("seeds", "names", "beginnings")}
            values: Values = {**lists, "max_owners": 1, "name": "-", "most": 1}
            for read in (self._LINKS, self._OWNERS, self._PLACES, self._SUBJECTS, self._SUPPORTS):
                await self._read(*_inside(read, Scope("-"), values), _WARM_UP_S)
            self._prepared = True

    async def _search(self, statement: str, scope: Scope, values: Values) -> list[Values]:
        if not self._prepared:
            raise Unavailable(DEPENDENCY, "it was lost, or it is not warm yet")
        try:
            return await self._read(*_inside(statement, scope, values))
        except Unavailable as error:
            if isinstance(error.__cause__, LOST):
                self._prepared = False
            raise

    async def _read(
        self, statement: str, values: Values, within_s: float = _READ_S
    ) -> list[Values]:
        with outages():
            async with self._driver.session(default_access_mode="READ") as session:
                answer = await session.run(Query(statement, timeout=within_s), values)
                return await answer.data()

    async def _write(self, statement: str, values: Values) -> list[int]:
        """The numbers of the answer's row, none without one."""

        async def work(transaction: AsyncManagedTransaction) -> list[int]:
            row = await (await transaction.run(statement, values)).single()
            return [int(number) for number in row] if row else []

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
    url: str, user: str = "", password: str = "", *, ca_file: Path | None = None
) -> AsyncIterator[Neo4jGraphStore]:
    """Makes constraints and warms up, later if it is down: search goes on without the graph.

    Without a user: no authentication.
    """
    url, trust = trusting(url, ca_file)
    async with AsyncGraphDatabase.driver(
        url,
        **trust,
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


def trusting(url: str, ca_file: Path | None) -> tuple[str, dict[str, Any]]:
    """The driver takes authorities of our own only apart from the `+s` that asks for TLS."""
    scheme, _, rest = url.partition("://")
    if ca_file is None or not scheme.endswith("+s"):
        return url, {}
    trust = {"encrypted": True, "trusted_certificates": TrustCustomCAs(str(ca_file))}
    return f"{scheme.removesuffix('+s')}://{rest}", trust


def _edges(pairs: Iterator[tuple[str, str]]) -> list[Edge]:
    """In order of name: writes that take the same locks take them in the same order."""
    wanted = {(passage, name) for passage, name in pairs if 0 < len(name) <= _MAX_NAME}
    return sorted(([*pair] for pair in wanted), key=lambda edge: (edge[1], edge[0]))


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _inside(statement: str, scope: Scope, values: Values) -> tuple[str, Values]:
    """The statement with its VISIBLE replaced by the scope, and all its values."""
    inside = predicate(scope.filter) if scope.filter else Predicate("true", {})
    visible = f"any(one IN v.visible_to WHERE one IN $visible_to) AND {inside.cypher}"
    return statement.replace("VISIBLE", visible), _of_scope(scope) | inside.values | values


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
            "parents": list(version.parents),
            "visible_to": [EVERYONE] if version.visibility is None else list(version.visibility),
        },
    }
