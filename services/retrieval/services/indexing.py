"""Makes a chunked version findable, once, and says so; an outdated version is passed over."""

from dataclasses import dataclass

from contracts.envelope import Context, derived_id
from contracts.ingestion.events import DocumentChunkedV1
from contracts.retrieval.events import DocumentIndexedV1
from services.retrieval.models.document import Version
from services.retrieval.services.graph_store import GraphStore
from services.retrieval.services.manifests import BadManifest, Manifests
from services.retrieval.services.purging import purge
from services.retrieval.services.search_store import SearchStore
from shared.observability import span
from shared.ports import Publisher

# The ordinal of a document's first version.
FIRST = 1


@dataclass(frozen=True)
class Indexing:
    """Index, promote, publish, in this order: doing any of it again changes nothing."""

    store: SearchStore
    manifests: Manifests
    publisher: Publisher
    graph: GraphStore | None = None

    async def __call__(self, chunked: DocumentChunkedV1, context: Context) -> None:
        """Raises MappingMismatch, BadManifest, or NoSuchObject while there is no manifest."""
        heads = await self.store.heads(context.tenant, [chunked.document_id])
        head = heads.get(chunked.document_id)
        if head is not None and head.outdates(chunked.ordinal):
            # An attempt that broke off after the head had moved may have left passages.
            await purge(self.store, self.graph, context.tenant, chunked.document_id)
            return
        if head is not None and head.shows(chunked.ordinal):
            # Sent again while its first message waited: the head moves when all else is written.
            promoted, count = True, chunked.counts.chunks
        else:
            promoted, count = await self._index(chunked, context)
        # Below a first version there is nothing, and looking for it costs as much as indexing.
        if not promoted or chunked.ordinal > FIRST:
            await purge(self.store, self.graph, context.tenant, chunked.document_id)
        if promoted:
            await self._publish(chunked, count, context)

    async def _index(self, chunked: DocumentChunkedV1, context: Context) -> tuple[bool, int]:
        """Whether it is shown now, and how many passages it has."""
        lines = await self.manifests.lines(chunked.manifest_key)
        if len(lines) != chunked.counts.chunks:
            raise BadManifest(
                f"{chunked.manifest_key} holds {len(lines)} chunks; {chunked.counts.chunks} were "
                "announced"
            )
        passages = await self.manifests.passages(lines, context)
        with span("index", {"passages": len(passages)}):
            version = _version(chunked, context.tenant)
            count = await self.store.index(version, passages)
            if self.graph is not None:
                await self.graph.index(version, passages)
            promoted = await self.store.promote(
                context.tenant, chunked.document_id, chunked.ordinal
            )
        return promoted, count

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
