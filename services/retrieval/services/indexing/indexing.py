"""Versions that come in and documents that are deleted: what is found afterwards, and what goes."""

from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.envelope import Context, derived_id
from contracts.gateway.erasures import ErasureDoneV1, TenantDeletedV1
from contracts.ingestion.events import DocumentChunkedV1
from contracts.ingestion.proof import DocumentPurgedV1, Purged
from contracts.retrieval.events import DocumentIndexedV1, IndexingRefusedV1
from services.retrieval.models.document import Removed, Version
from services.retrieval.models.unindexable import Unindexable
from services.retrieval.services.indexing.auditing import drop_all
from services.retrieval.services.indexing.manifests import Manifests, bad_manifest
from services.retrieval.services.ports import GraphStore, SearchStore
from shared.observability import span
from shared.ports import Publisher

# The ordinal of a document's first version.
FIRST = 1


@dataclass(frozen=True)
class Indexing:
    """Index, promote, publish, in this order; each step may be repeated and changes nothing then.

    `graph` is the graph beside the search store; without one, the search store keeps the names
    itself, if it keeps any.
    """

    store: SearchStore
    manifests: Manifests
    publisher: Publisher
    graph: GraphStore | None = None

    async def index(self, chunked: DocumentChunkedV1, context: Context) -> None:
        """Makes the version findable and announces it; passes over an outdated version.

        Raises Unindexable, Unavailable, or NoSuchObject while there is no manifest.
        """
        heads = await self.store.heads(context.tenant, [chunked.document_id])
        head = heads.get(chunked.document_id)
        if head is not None and head.outdates(chunked.ordinal):
            # An attempt that broke off after the head had moved may have left passages behind.
            await purge(self.store, self.graph, context.tenant, chunked.document_id)
            return
        if chunked.rewrite:
            await drop_all(self.store, self.graph, context.tenant, chunked.document_id)
        if head is not None and head.shows(chunked.ordinal) and not chunked.rewrite:
            # The message came twice. The head moves last, so everything is written.
            promoted, count = True, chunked.counts.chunks
        else:
            promoted, count = await self._write(chunked, context)
        # Below a first version there is nothing, and a purge costs as much as indexing.
        if not promoted or chunked.ordinal > FIRST:
            await purge(self.store, self.graph, context.tenant, chunked.document_id)
        if promoted:
            await self._publish(chunked, count, context)

    async def refuse(self, chunked: DocumentChunkedV1, why: Unindexable, context: Context) -> None:
        """Announces that the version can never be indexed as it is. Raises Unavailable."""
        message = IndexingRefusedV1(
            document_id=chunked.document_id,
            ordinal=chunked.ordinal,
            code=why.code,
            message=str(why),
        )
        event_id = derived_id(context.causation_id, "IndexingRefused")
        await self.publisher.publish("documents", message, context, id=event_id)

    async def _write(self, chunked: DocumentChunkedV1, context: Context) -> tuple[bool, int]:
        """Whether the version is shown now, and how many passages it has."""
        lines = await self.manifests.lines(context.tenant, chunked.document_id, chunked.ordinal)
        announced = chunked.counts.chunks
        if len(lines) != announced:
            problem = f"it holds {len(lines)} chunks, {announced} were announced"
            raise bad_manifest(chunked.manifest_key, problem)
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


@dataclass(frozen=True)
class Deletion:
    """The tombstone stays, so that late messages bring nothing back."""

    store: SearchStore
    publisher: Publisher
    graph: GraphStore | None = None

    async def delete(self, document_id: str, ordinal: int, context: Context) -> None:
        """Hides every version up to `ordinal` at once, purges them, and confirms that.

        Raises Unavailable.
        """
        await self.store.hide(context.tenant, document_id, ordinal)
        removed = await purge(self.store, self.graph, context.tenant, document_id)
        now = datetime.now(UTC)
        message = DocumentPurgedV1(
            document_id=document_id,
            ordinal=ordinal,
            service="retrieval",
            places=(
                Purged(place="passages", removed=removed.passages, at=now),
                Purged(place="names", removed=removed.names, at=now),
            ),
        )
        event_id = derived_id(context.causation_id, "DocumentPurged", now.isoformat())
        await self.publisher.publish("documents", message, context, id=event_id)

    async def delete_tenant(self, wanted: TenantDeletedV1, context: Context) -> None:
        """Removes all that there is of the tenant, tombstones included, and says how much.

        Tombstones are needed no more: ingestion removes the manifests of what may come late, and
        gives a tenant that is created again higher ordinals. Raises Unavailable.
        """
        removed = await self.store.remove_tenant(context.tenant)
        if self.graph is not None:
            removed += Removed(names=await self.graph.remove_tenant(context.tenant))
        done = ErasureDoneV1(
            erasure_id=wanted.erasure_id,
            service="retrieval",
            round=wanted.round,
            removed={"passages": removed.passages, "names": removed.names},
        )
        event_id = derived_id(wanted.erasure_id, wanted.round, done.service)
        await self.publisher.publish("erasures", done, context, id=event_id)


async def purge(
    store: SearchStore, graph: GraphStore | None, tenant: str, document_id: str
) -> Removed:
    """Removes what the document's head has outdated, from the store and the graph beside it."""
    removed = await store.purge(tenant, document_id)
    if graph is None:
        return removed
    head = (await store.heads(tenant, [document_id])).get(document_id)
    if head is None:
        return removed
    return removed + Removed(names=await graph.purge(tenant, document_id, head))


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
        parents=chunked.parents,
    )
