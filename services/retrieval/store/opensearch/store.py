"""SearchStore on OpenSearch: its index is refreshed late, so each leg reads the heads too."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import ConflictError

from services.retrieval.models.document import Head, Removed, Version
from services.retrieval.models.embedding_space import EmbeddingSpace
from services.retrieval.models.filter import UNSTORABLE, Scope
from services.retrieval.models.holding import Held, Page
from services.retrieval.models.passage import FoundPassage, IndexedPassage, Scored
from services.retrieval.models.typed_query import read_query
from services.retrieval.store.opensearch import auditing, queries
from services.retrieval.store.opensearch.bulk import Backoff, create_all
from services.retrieval.store.opensearch.connecting import Signing, connect
from services.retrieval.store.opensearch.indices import (
    Indices,
    make,
    prepare,
    remove_others,
    switch,
)
from services.retrieval.store.opensearch.outages import DEPENDENCY, outages
from services.retrieval.store.opensearch.passage_source import (
    READ,
    document_key,
    found,
    scored,
    version_key,
)
from shared.errors import Unavailable

# How often a leg asks again without the versions that turned out not to be shown.
_ROUNDS = 4


class Refresher:
    """Makes writes searchable: one refresh at a time, shared by all who wait for it.

    A refresh for each of many small documents would cut the index into as many segments.
    """

    def __init__(self, refresh: Callable[[], Awaitable[object]]) -> None:
        self._run = refresh
        self._lock = asyncio.Lock()
        self._begun = self._done = 0

    async def refresh(self) -> None:
        """Returns when a refresh that began after this call has ended; raises what it raised."""
        asked = self._begun
        async with self._lock:
            if self._done > asked:
                return
            self._begun += 1
            await self._run()
            self._done = self._begun


class OpenSearchStore:
    """Reads and writes the index of one embedding model."""

    def __init__(self, client: AsyncOpenSearch, indices: Indices, backoff: Backoff) -> None:
        self._client, self._indices, self._backoff = client, indices, backoff
        self._refresher = Refresher(lambda: client.indices.refresh(index=indices.passages))

    async def ping(self) -> None:
        with outages():
            health = await self._client.cluster.health(index=self._indices.passages)
        if health["status"] == "red":
            raise Unavailable(DEPENDENCY, f"{self._indices.passages} is red")

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        """Searchable when it returns: between two heads a document is never without passages."""
        if not passages:
            return 0
        with outages():
            held = await create_all(
                self._client, self._indices.passages, version, passages, self._backoff
            )
            await self._refresher.refresh()
        return held

    async def promote(self, tenant: str, document_id: str, ordinal: int) -> bool:
        return await self._move(tenant, document_id, Head(ordinal, live=True))

    async def hide(self, tenant: str, document_id: str, ordinal: int) -> bool:
        return await self._move(tenant, document_id, Head(ordinal, live=False))

    async def heads(self, tenant: str, document_ids: Sequence[str]) -> dict[str, Head]:
        """A multi-get sees every write that has returned, refreshed or not."""
        if not document_ids:
            return {}
        ids = [document_key(tenant, document_id) for document_id in dict.fromkeys(document_ids)]
        with outages():
            answer = await self._client.mget(
                index=self._indices.heads, body={"ids": ids}, routing=tenant
            )
        sources = [record["_source"] for record in answer["docs"] if record.get("found")]
        return {one["document_id"]: Head(one["ordinal"], one["live"]) for one in sources}

    async def purge(self, tenant: str, document_id: str) -> Removed:
        head = (await self.heads(tenant, [document_id])).get(document_id)
        if head is None:
            return Removed()
        with outages():
            answer = await self._client.delete_by_query(
                # A deletion leaves nothing in an index of another model either.
                index=self._indices.of_any_model,
                body=queries.outdated(tenant, document_id, head),
                routing=tenant,
                conflicts="proceed",  # another purge was faster
            )
        return Removed(passages=int(answer["deleted"]))

    async def holdings(self, tenant: str, page: Page) -> list[Held]:
        with outages():
            return await auditing.holdings(self._client, self._indices, tenant, page)

    async def drop(self, tenant: str, document_id: str, ordinal: int) -> None:
        with outages():
            await self._client.delete_by_query(
                index=self._indices.of_any_model,
                body=auditing.version(tenant, document_id, ordinal),
                routing=tenant,
                conflicts="proceed",
            )

    async def remove_tenant(self, tenant: str) -> Removed:
        indices = (self._indices.heads, self._indices.of_any_model)
        with outages():
            await self._client.indices.refresh(index=",".join(indices))
            deleted = [
                await self._client.delete_by_query(
                    index=index,
                    body={"query": {"term": {"tenant": tenant}}},
                    routing=tenant,
                    conflicts="proceed",
                )
                for index in indices
            ]
        return Removed(passages=int(deleted[1]["deleted"]))

    async def bm25(self, scope: Scope, query: str, k: int) -> list[Scored]:
        query = UNSTORABLE.sub(" ", query)
        hits = await self._leg(
            scope.tenant, k, lambda hidden: queries.bm25(scope, query, hidden, k)
        )
        if hits or read_query(query).strict:
            return hits
        return await self._leg(
            scope.tenant, k, lambda hidden: queries.misspelt(scope, query, hidden, k)
        )

    async def dense(self, scope: Scope, vector: Sequence[float], k: int) -> list[Scored]:
        if not any(vector):
            return []
        hits = await self._leg(
            scope.tenant, k, lambda hidden: queries.dense(scope, vector, hidden, k)
        )
        return [replace(hit, score=2 * hit.score - 1) for hit in hits]

    async def passages(self, tenant: str, passage_ids: Sequence[str]) -> dict[str, FoundPassage]:
        if not passage_ids:
            return {}
        ids = [document_key(tenant, passage_id) for passage_id in dict.fromkeys(passage_ids)]
        with outages():
            answer = await self._client.mget(
                index=self._indices.passages,
                body={"ids": ids},
                routing=tenant,
                _source_includes=READ,
            )
        read = [found(record["_source"]) for record in answer["docs"] if record.get("found")]
        return {passage.passage.passage_id: passage for passage in read}

    async def passage(self, scope: Scope, passage_id: str) -> FoundPassage | None:
        for hit in await self._search(scope.tenant, queries.passage(scope, passage_id)):
            read = found(hit["_source"])
            head = (await self.heads(scope.tenant, [read.document_id])).get(read.document_id)
            return read if head is not None and head.shows(read.ordinal) else None
        return None

    async def audience(self, scope: Scope) -> set[str]:
        if not scope.visible_to:
            return set()
        with outages():
            answer = await self._client.search(
                index=self._indices.passages,
                body=queries.audience(scope),
                routing=scope.tenant,
                allow_partial_search_results="false",
            )
        return {bucket["key"] for bucket in answer["aggregations"]["names"]["buckets"]}

    async def serve(self) -> None:
        with outages():
            await switch(self._client, self._indices)

    async def remove_others(self) -> list[str]:
        with outages():
            return await remove_others(self._client, self._indices)

    async def _move(self, tenant: str, document_id: str, head: Head) -> bool:
        """Compare-and-set in one request; False when the record says more already.

        OpenSearch compares the version numbers given here: a version's tombstone is one above the
        version, and the next version is above both. An equal number is taken and changes nothing.
        """
        record = {
            "tenant": tenant,
            "document_id": document_id,
            "ordinal": head.ordinal,
            "live": head.live,
        }
        try:
            with outages():
                await self._client.index(
                    index=self._indices.heads,
                    id=document_key(tenant, document_id),
                    body=record,
                    routing=tenant,
                    version=2 * head.ordinal + (not head.live),
                    version_type="external_gte",
                )
        except ConflictError:
            return False
        return True

    async def _leg(
        self, tenant: str, k: int, query: Callable[[set[str]], queries.Query]
    ) -> list[Scored]:
        """Hits that the heads show at this moment, which is later than the index's last refresh."""
        hidden: set[str] = set()
        shown: list[Scored] = []
        for _ in range(_ROUNDS):
            hits = [scored(hit) for hit in await self._search(tenant, query(hidden))]
            at = await self.heads(tenant, [hit.document_id for hit in hits])
            shown = [hit for hit in hits if _shows(at.get(hit.document_id), hit)]
            if len(shown) == len(hits):
                break
            hidden |= {version_key(hit.document_id, hit.ordinal) for hit in hits} - {
                version_key(hit.document_id, hit.ordinal) for hit in shown
            }
        return shown[:k]

    async def _search(self, tenant: str, body: queries.Query) -> list[dict[str, Any]]:
        with outages():
            answer = await self._client.search(
                index=self._indices.passages,
                body=body,
                routing=tenant,
                allow_partial_search_results="false",
            )
        hits: list[dict[str, Any]] = answer["hits"]["hits"]
        return hits


def _shows(head: Head | None, hit: Scored) -> bool:
    return head is not None and head.shows(hit.ordinal)


@asynccontextmanager
async def open_opensearch(
    url: str,
    space: EmbeddingSpace,
    prefix: str = "ragops-",
    backoff: Backoff | None = None,
    *,
    successor: bool = False,
    signing: Signing | None = None,
    ca_file: Path | None = None,
) -> AsyncIterator[OpenSearchStore]:
    """Makes the indices when they are missing; raises OtherEmbeddingSpace or Unavailable.

    A `successor` is filled while the index of another model is served.
    """
    client = connect(url, signing, ca_file)
    indices = Indices(prefix, space)
    try:
        with outages():
            await (make if successor else prepare)(client, indices)
        yield OpenSearchStore(client, indices, backoff or Backoff())
    finally:
        await client.close()
