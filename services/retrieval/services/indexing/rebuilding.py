"""Fills a store from the manifests, while another store may serve."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from contracts.envelope import Context
from contracts.ingestion.manifest import ChunkLine, manifest_key, read_key
from contracts.topology import MANIFESTS_PREFIX
from services.retrieval.models.document import Head, Version
from services.retrieval.models.unindexable import BadManifest
from services.retrieval.services.indexing.indexing import purge
from services.retrieval.services.indexing.manifests import Manifests, named
from services.retrieval.services.ports import GraphStore, SearchStore
from shared.errors import NoSuchObject
from shared.ports import Listing

AT_ONCE = 8
# Documents come and change meanwhile: it looks again, but not for ever.
ROUNDS_MAX = 5
Document = tuple[str, str]


class Watch(Protocol):
    """Is told how far the rebuild has come."""

    def round(self, documents: int) -> None: ...

    def done(self) -> None: ...


@dataclass
class Rebuilt:
    """How much was written; `unreadable`: {manifest key: reason}."""

    documents: int = 0
    passages: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)


@dataclass
class Rebuild:
    """Writes only what is missing: a rebuild that broke off goes on where it was."""

    store: SearchStore
    manifests: Manifests
    listing: Listing
    graph: GraphStore | None = None
    _settled: dict[Document, int] = field(default_factory=dict)

    async def run(self, watch: Watch) -> Rebuilt:
        """Raises Unavailable or OtherEmbeddingSpace."""
        rebuilt = Rebuilt()
        for _ in range(ROUNDS_MAX):
            before = rebuilt.documents
            await self._round(rebuilt, watch)
            if rebuilt.documents == before:
                break
        return rebuilt

    async def _round(self, rebuilt: Rebuilt, watch: Watch) -> None:
        listed = await self._listed()
        watch.round(len(listed))
        places = asyncio.Semaphore(AT_ONCE)

        async def one(document: Document, ordinals: Sequence[int]) -> None:
            async with places:
                await self._document(document, ordinals, rebuilt)
            watch.done()

        async with asyncio.TaskGroup() as group:
            for document, ordinals in listed.items():
                group.create_task(one(document, ordinals))

    async def _listed(self) -> Mapping[Document, Sequence[int]]:
        """The ordinals of each document's manifests."""
        found: dict[Document, list[int]] = defaultdict(list)
        async for key in self.listing.keys(MANIFESTS_PREFIX):
            if (read := read_key(key)) is not None:
                tenant, document_id, ordinal = read
                found[tenant, document_id].append(ordinal)
        return found

    async def _document(
        self, document: Document, ordinals: Sequence[int], rebuilt: Rebuilt
    ) -> None:
        tenant, document_id = document
        head = (await self.store.heads(tenant, [document_id])).get(document_id)
        ordinal = _wanted(head, ordinals)
        if ordinal is None or self._settled.get(document) == ordinal:
            return
        key = manifest_key(tenant, document_id, ordinal)
        try:
            lines = await self.manifests.lines(tenant, document_id, ordinal)
            written = await self._write(_version(document, ordinal, lines), lines)
        except NoSuchObject:
            return  # replaced or deleted meanwhile: the next round sees what is there
        except BadManifest as error:
            rebuilt.unreadable[key] = str(error)
            return
        self._settled[document] = ordinal
        rebuilt.documents += written > 0
        rebuilt.passages += written

    async def _write(self, version: Version, lines: Sequence[ChunkLine]) -> int:
        """How many passages were written; 0 when all were there."""
        tenant, document_id = version.tenant, version.document_id
        there = await self.store.passages(tenant, [line.passage_id for line in lines])
        written = 0
        if len(there) < len(lines):
            passages = await self.manifests.passages(lines, Context(tenant=tenant))
            written = await self.store.index(version, passages)
        if self.graph is not None:
            await self.graph.index(version, named(lines))
        await self.store.promote(tenant, document_id, version.ordinal)
        await purge(self.store, self.graph, tenant, document_id)
        return written


def _wanted(head: Head | None, ordinals: Sequence[int]) -> int | None:
    """The version that is shown, else the newest above a tombstone; None when there is none.

    A version above the one shown comes by its own message.
    """
    if head is not None and head.live:
        return head.ordinal if head.ordinal in ordinals else None
    above = [ordinal for ordinal in ordinals if head is None or ordinal > head.ordinal]
    return max(above, default=None)


def _version(document: Document, ordinal: int, lines: Sequence[ChunkLine]) -> Version:
    described = lines[0].version if lines else None
    if described is None:
        raise BadManifest(
            "it was written before manifests described their version: delete the document, then "
            "upload it again"
        )
    return Version(
        tenant=document[0],
        document_id=document[1],
        ordinal=ordinal,
        name=described.name,
        media_type=described.media_type,
        created_at=described.created_at,
        tags=described.tags,
        metadata=described.metadata,
        visibility=described.visibility,
        parents=described.parents,
    )
