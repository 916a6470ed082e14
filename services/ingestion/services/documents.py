"""What is done with documents once they are taken in: shown, deleted, marked ready, counted."""

import logging
from asyncio import Event
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.envelope import Context
from contracts.ingestion.document import Failure
from contracts.ingestion.queries import DocumentsListedV1, DocumentStateV1, DocumentSummary
from services.ingestion.models.errors import BadCursor
from services.ingestion.models.version import Document
from services.ingestion.services.announcing import Announcer, counts_of, origin_of
from services.ingestion.services.ports import Registry, Worklist
from shared.observability import metric

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Documents:
    """`purge` tells upkeep that there is something to purge. Every method raises Unavailable."""

    registry: Registry
    worklist: Worklist
    announcer: Announcer
    purge: Event

    async def state(
        self,
        tenant: str,
        document: str,
        accepted_id: str | None,
        visible_to: Sequence[str] | None = None,
    ) -> DocumentStateV1 | None:
        """None for an unknown document, another tenant's and one the asker may not see."""
        found = await self.registry.get(tenant, document, visible_to)
        if found is None:
            return None
        taken_in = accepted_id is None or await self.registry.taken_in(tenant, accepted_id)
        return DocumentStateV1(document=_summary(found), taken_in=taken_in)

    async def page(
        self, tenant: str, limit: int, after: str | None, visible_to: Sequence[str] | None = None
    ) -> DocumentsListedV1:
        """Raises BadCursor when `after` is not the `next` of a page."""
        place = _place(after) if after else None
        found = await self.registry.page(tenant, limit + 1, place, visible_to)
        shown = found[:limit]
        more = _cursor(shown[-1]) if len(found) > limit else None
        return DocumentsListedV1(documents=tuple(_summary(one) for one in shown), next=more)

    async def delete(
        self, document: str, context: Context, visible_to: Sequence[str] | None = None
    ) -> DocumentStateV1 | None:
        """Returns when the deletion is committed and announced; upkeep purges what it left.

        None for an unknown document and for one the asker may not see.
        """
        if await self.registry.get(context.tenant, document, visible_to) is None:
            return None
        deletion = await self.registry.delete(origin_of(context), document)
        if deletion is None:
            return None
        self.purge.set()
        await self.announcer.tell_deletion(deletion)
        return await self.state(context.tenant, document, None)

    async def mark_ready(self, document: str, ordinal: int, chunks: int) -> None:
        """When the counts differ, or the version was replaced, it stays as it is."""
        if await self.worklist.ready(document, ordinal, chunks):
            metric("DocumentReady", 1)
            return
        fields = {"document_id": document, "ordinal": ordinal, "chunks": chunks}
        logger.warning("indexed_but_not_ready", extra={"fields": fields})

    async def count_citations(self, tenant: str, turn_id: str, cited: Collection[str]) -> None:
        """Once for each document and turn, so that owners see which documents are used."""
        if cited:
            await self.registry.count_citations(tenant, turn_id, cited)


def _summary(found: Document) -> DocumentSummary:
    return DocumentSummary(
        document_id=found.document_id,
        name=found.name,
        status=found.status,
        ordinal=found.ordinal,
        media_type=found.media_type,
        counts=counts_of(found.counts),
        error=found.fault and Failure(code=found.fault.code, message=found.fault.message),
        tags=found.description.tags,
        metadata=found.description.metadata,
        created_at=found.created_at,
        updated_at=found.updated_at,
        cited=found.cited,
    )


def _cursor(last: Document) -> str:
    return urlsafe_b64encode(f"{last.created_at.isoformat()} {last.document_id}".encode()).decode()


def _place(after: str) -> tuple[datetime, str]:
    try:
        moment, document = urlsafe_b64decode(after).decode().split(" ")
        return datetime.fromisoformat(moment), document
    except ValueError:
        raise BadCursor("'after' must be the 'next' of the page before") from None
