"""Makes a chunked version findable, once, and says so; an outdated version is passed over."""

import asyncio
from dataclasses import dataclass

from contracts.envelope import Context, derived_id
from contracts.ingestion.document_chunked import DocumentChunkedV1
from contracts.ingestion.manifest import ChunkLine, read
from contracts.retrieval.document_indexed import DocumentIndexedV1
from services.retrieval.models.document import Version
from services.retrieval.models.mapping import Mapping, MappingMismatch
from services.retrieval.models.passage import IndexedPassage, Passage
from services.retrieval.services.graph_store import GraphStore
from services.retrieval.services.purging import purge
from services.retrieval.services.search_store import SearchStore
from shared.observability import span
from shared.ports import Blobs, Publisher


class BadManifest(Exception):
    """The manifest does not hold what the message says; sending it again will not help."""


@dataclass(frozen=True)
class Indexing:
    """Index, promote, publish, in this order: doing any of it again changes nothing."""

    store: SearchStore
    blobs: Blobs
    publisher: Publisher
    mapping: Mapping
    graph: GraphStore | None = None

    async def __call__(self, chunked: DocumentChunkedV1, context: Context) -> None:
        """Raises MappingMismatch, BadManifest, or NoSuchObject while there is no manifest."""
        heads = await self.store.heads(context.tenant, [chunked.document_id])
        head = heads.get(chunked.document_id)
        if head is not None and head.outdates(chunked.ordinal):
            # An attempt that broke off after the head had moved may have left passages.
            await purge(self.store, self.graph, context.tenant, chunked.document_id)
            return
        self._check_mapping(chunked)
        body = await self.blobs.get(chunked.manifest_key)
        # A long document is megabytes of JSON: not in the event loop.
        passages = await asyncio.to_thread(self._passages, chunked, body)
        with span("index", {"passages": len(passages)}):
            version = _version(chunked, context.tenant)
            count = await self.store.index(version, passages)
            if self.graph is not None:
                await self.graph.index(version, passages)
            promoted = await self.store.promote(
                context.tenant, chunked.document_id, chunked.ordinal
            )
        await purge(self.store, self.graph, context.tenant, chunked.document_id)
        if promoted:
            await self._publish(chunked, count, context)

    def _check_mapping(self, chunked: DocumentChunkedV1) -> None:
        made_by = Mapping(chunked.model, chunked.dimension)
        if made_by != self.mapping:
            raise MappingMismatch(
                f"{chunked.document_id} was embedded by {made_by}, the index holds {self.mapping}: "
                "ingest the document again with the index's model"
            )

    def _passages(self, chunked: DocumentChunkedV1, body: bytes) -> list[IndexedPassage]:
        try:
            passages = [_indexed(line) for line in read(body)]
        except ValueError as error:
            raise BadManifest(f"{chunked.manifest_key}: {error}") from error
        wrong = len(passages) != chunked.counts.chunks
        if wrong or any(len(p.vector) != 2 * self.mapping.dimension for p in passages):
            raise BadManifest(
                f"{chunked.manifest_key} holds {len(passages)} chunks; {chunked.counts.chunks} of "
                f"{self.mapping.dimension} dimensions were announced"
            )
        return passages

    async def _publish(self, chunked: DocumentChunkedV1, count: int, context: Context) -> None:
        message = DocumentIndexedV1(
            document_id=chunked.document_id,
            ordinal=chunked.ordinal,
            counts=chunked.counts.model_copy(update={"chunks": count}),
        )
        event_id = derived_id(context.causation_id, "DocumentIndexed")
        await self.publisher.publish("documents", message, context, id=event_id)


def _version(chunked: DocumentChunkedV1, tenant: str) -> Version:
    return Version(
        tenant=tenant,
        document_id=chunked.document_id,
        ordinal=chunked.ordinal,
        name=chunked.name,
        media_type=chunked.media_type,
        created_at=chunked.created_at,
        tags=chunked.tags,
        metadata=chunked.metadata,
        visibility=chunked.visibility,
    )


def _indexed(line: ChunkLine) -> IndexedPassage:
    passage = Passage(
        passage_id=line.passage_id,
        n=line.n,
        title=line.title,
        text=line.text,
        start=line.start,
        end=line.end,
        page=line.page,
        headings=line.headings,
        language=line.language,
    )
    return IndexedPassage(passage, line.vector_bytes(), line.mentions, line.about)
