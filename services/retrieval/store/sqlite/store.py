"""SearchStore and Names in one SQLite file: FTS5 for words, exact vectors in memory, names."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from services.retrieval.models.document import Head, Version
from services.retrieval.models.link import Link
from services.retrieval.models.mapping import Mapping
from services.retrieval.models.passage import FoundPassage, IndexedPassage
from services.retrieval.models.place import Place, Support, Topic
from services.retrieval.models.scope import Scope
from services.retrieval.models.scored import Scored
from services.retrieval.store.sqlite import graph, reading, schema, writing
from services.retrieval.store.sqlite.connections import Connections, transaction
from services.retrieval.store.sqlite.vectors import Vectors


class SqliteSearchStore:
    """The vectors in memory change in the writer's thread, after the commit they belong to."""

    def __init__(self, path: Path, connections: Connections, vectors: Vectors) -> None:
        self._path, self._connections, self._vectors = path, connections, vectors

    async def ping(self) -> None:
        await self._connections.read(lambda connection: connection.execute("SELECT 1").fetchone())

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        def work(connection: sqlite3.Connection) -> int:
            with transaction(connection):
                tenant, rows = writing.add_version(connection, version, passages)
            self._vectors.add(tenant, rows)
            return writing.count_passages(connection, tenant, version)

        return await self._connections.write(work)

    async def promote(self, tenant: str, document_id: str, ordinal: int) -> bool:
        return await self._set_head(tenant, document_id, Head(ordinal, live=True))

    async def bury(self, tenant: str, document_id: str, ordinal: int) -> bool:
        return await self._set_head(tenant, document_id, Head(ordinal, live=False))

    async def heads(self, tenant: str, document_ids: Sequence[str]) -> dict[str, Head]:
        return await self._connections.read(lambda c: reading.heads(c, tenant, document_ids))

    async def purge(self, tenant: str, document_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                number, versions = writing.drop_outdated(connection, tenant, document_id)
            for version in versions:
                self._vectors.remove(number, version)

        await self._connections.write(work)

    async def bm25(self, scope: Scope, query: str, k: int) -> list[Scored]:
        return await self._connections.read(lambda c: reading.bm25(c, scope, query, k))

    async def dense(self, scope: Scope, vector: Sequence[float], k: int) -> list[Scored]:
        return await self._connections.read(
            lambda c: reading.dense(c, self._vectors, scope, vector, k)
        )

    async def passages(self, tenant: str, passage_ids: Sequence[str]) -> dict[str, FoundPassage]:
        return await self._connections.read(lambda c: reading.passages(c, tenant, passage_ids))

    async def links(self, scope: Scope, seeds: Sequence[str], max_owners: int) -> list[Link]:
        return await self._connections.read(lambda c: graph.links(c, scope, seeds, max_owners))

    async def places(self, scope: Scope, name: str, most: int) -> list[Place]:
        return await self._connections.read(lambda c: graph.places(c, scope, name, most))

    async def topics(
        self, scope: Scope, passage_ids: Sequence[str], max_owners: int
    ) -> list[Topic]:
        return await self._connections.read(
            lambda c: graph.topics(c, scope, passage_ids, max_owners)
        )

    async def supports(self, scope: Scope, beginnings: Sequence[str], most: int) -> list[Support]:
        return await self._connections.read(lambda c: graph.supports(c, scope, beginnings, most))

    async def serve(self) -> None:
        """Nothing to do: the settings name the file."""

    async def retire(self) -> list[str]:
        return await asyncio.to_thread(schema.remove_others, self._path)

    async def _set_head(self, tenant: str, document_id: str, wanted: Head) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            with transaction(connection):
                move = writing.set_head(connection, tenant, document_id, wanted)
            if move is None:
                return writing.head_is(connection, tenant, document_id, wanted)
            for version in move.hide:
                self._vectors.show(move.tenant, version, False)
            if move.show is not None:
                self._vectors.show(move.tenant, move.show, True)
            return True

        return await self._connections.write(work)


@asynccontextmanager
async def open_sqlite(
    folder: Path, mapping: Mapping, *, beside: bool = False
) -> AsyncIterator[SqliteSearchStore]:
    """Opens the model's own file in `folder`; raises MappingMismatch or InUse, with what to do.

    `beside`: a new one, to be filled while the file of another model is served.
    """
    path = schema.file_for(folder, mapping)
    if not beside:
        schema.require_filled(path)
    connections = await asyncio.to_thread(Connections, path, mapping)
    try:
        vectors = Vectors(mapping.dimension)
        await connections.read(lambda connection: _load(connection, vectors))
        yield SqliteSearchStore(path, connections, vectors)
    finally:
        await connections.close()


def _load(connection: sqlite3.Connection, vectors: Vectors) -> None:
    for tenant, rows in reading.rows_by_tenant(connection):
        vectors.add(tenant, rows)
