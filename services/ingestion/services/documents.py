"""What is done with documents once they are taken in: shown, deleted, marked ready, counted."""

import logging
from asyncio import Event
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from pydantic import ValidationError

from contracts.envelope import Context
from contracts.ingestion.document import Failure, storable
from contracts.ingestion.life_cycle import GONE
from contracts.ingestion.proof import CONFIRMING, CertificateV1, DocumentPurgedV1, PlacePurged
from contracts.ingestion.queries import DocumentsListedV1, DocumentStateV1, DocumentSummary
from services.ingestion.models.errors import BadCursor
from services.ingestion.models.proof import Certificate, Purged
from services.ingestion.models.version import EVERY, Description, Document, Fault, Seen, Selection
from services.ingestion.services.announcing import Announcer, counts_of, origin_of
from services.ingestion.services.ports import Intakes, Proofs, Registry, Worklist
from shared.observability import metric

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Documents:
    """`purge` tells upkeep that there is something to purge. Every method raises Unavailable."""

    registry: Registry
    intakes: Intakes
    worklist: Worklist
    announcer: Announcer
    proofs: Proofs
    purge: Event

    async def state(
        self,
        tenant: str,
        document: str,
        accepted_id: str | None,
        visible_to: Sequence[str] | None = None,
    ) -> DocumentStateV1 | None:
        """None for an unknown document, another tenant's and one the asker may not see.

        With `accepted_id`, a message that was refused is shown as a rejected document, and one
        that was deleted before it came as a deleted one.
        """
        if not is_storable(document, accepted_id):
            return None
        seen = await self.intakes.seen(tenant, accepted_id) if accepted_id else None
        if seen is not None and seen.document_id == document and seen.fault is not None:
            return DocumentStateV1(document=_summary(_of_message(seen, "rejected")))
        found = await self.registry.get(tenant, document, visible_to)
        if found is None and seen is not None and seen.document_id == document and seen.deleted:
            found = _of_message(seen, "deleted")
        if found is None:
            return None
        return DocumentStateV1(
            document=_summary(found), taken_in=accepted_id is None or seen is not None
        )

    async def missing(self, tenant: str, message_ids: Sequence[str]) -> list[str]:
        """Messages that offered a document and were neither taken in nor deleted."""
        return await self.intakes.missing(tenant, [one for one in message_ids if is_storable(one)])

    async def page(
        self,
        tenant: str,
        limit: int,
        after: str | None,
        visible_to: Sequence[str] | None = None,
        selection: Selection = EVERY,
    ) -> DocumentsListedV1:
        """Raises BadCursor when `after` is not the `next` of a page, and BadSelection."""
        place = _place(after) if after else None
        found = await self.registry.page(tenant, limit + 1, place, visible_to, selection)
        shown = found[:limit]
        more = _cursor(shown[-1]) if len(found) > limit else None
        return DocumentsListedV1(documents=tuple(_summary(one) for one in shown), next=more)

    async def delete(
        self,
        document: str,
        context: Context,
        accepted_id: str | None = None,
        visible_to: Sequence[str] | None = None,
    ) -> DocumentStateV1 | None:
        """Returns when the deletion is committed and announced; upkeep purges what it left.

        A message `accepted_id` that was not taken in yet is deleted too, though its document may
        not be known. None for an unknown document and for one the asker may not see.
        """
        if not is_storable(document, accepted_id):
            return None
        tenant, origin = context.tenant, origin_of(context)
        known = await self._manageable(context, document, visible_to)
        if known is None and accepted_id is not None:
            if await self.intakes.pass_over(origin, document, accepted_id, context.sent_at):
                return await self.state(tenant, document, accepted_id, visible_to)
            # It was taken in by now.
            known = await self._manageable(context, document, visible_to)
        if known is None:
            return None
        deletion = await self.registry.delete(origin, document, accepted_id, context.sent_at)
        if deletion is None:
            return None
        self.purge.set()
        await self.announcer.tell_deletion(deletion)
        return await self.state(tenant, document, None)

    async def _manageable(
        self, context: Context, document: str, visible_to: Sequence[str] | None
    ) -> Document | None:
        known = await self.registry.get(context.tenant, document, visible_to)
        if known is None or known.status not in GONE or visible_to is None:
            return known
        certificate = await self.proofs.certificate(context.tenant, document)
        own = certificate is None or _deleted_by(certificate, context)
        return known if own else None

    async def certificate(
        self, document: str, context: Context, visible_to: Sequence[str] | None
    ) -> CertificateV1 | None:
        """Of the newest deletion, for admins and for whoever deleted the document."""
        if not is_storable(document):
            return None
        found = await self.proofs.certificate(context.tenant, document)
        if found is None or not (visible_to is None or _deleted_by(found, context)):
            return None
        missing = () if found.complete else set(CONFIRMING) - set(found.confirmed)
        return CertificateV1(
            document_id=found.document_id,
            ordinal=found.ordinal,
            name=found.name,
            deleted_at=found.deleted_at,
            deleted_by=found.deleted_by,
            complete=found.complete,
            places=tuple(PlacePurged(**asdict(place)) for place in found.places),
            missing=tuple(service for service in CONFIRMING if service in missing),
        )

    async def confirm_purge(self, tenant: str, purged: DocumentPurgedV1) -> None:
        """Of a deletion that is not known nothing is noted: it is confirmed again."""
        service, ordinal = purged.service, purged.ordinal
        places = [Purged(service, one.place, one.removed, one.at) for one in purged.places]
        if await self.proofs.confirm(tenant, purged.document_id, ordinal, service, places):
            return
        fields = {"document_id": purged.document_id, "ordinal": ordinal, "service": service}
        logger.warning("purged_but_not_deleted", extra={"fields": fields})

    async def mark_ready(self, tenant: str, document: str, ordinal: int, chunks: int) -> None:
        """When the counts differ, or the version was replaced, it stays as it is."""
        if await self.worklist.ready(tenant, document, ordinal, chunks):
            metric("DocumentReady", 1)
            return
        fields = {"document_id": document, "ordinal": ordinal, "chunks": chunks}
        logger.warning("indexed_but_not_ready", extra={"fields": fields})

    async def mark_refused(self, tenant: str, document: str, ordinal: int, fault: Fault) -> None:
        """The version ends as failed, and retrieval is told of it no more."""
        announcement = await self.worklist.refuse(tenant, document, ordinal, fault)
        if announcement is None:
            fields = {"document_id": document, "ordinal": ordinal, "code": fault.code}
            logger.warning("refused_but_not_waiting", extra={"fields": fields})
            return
        metric("DocumentEnded", 1, status="failed", code=fault.code)
        await self.announcer.tell(announcement)

    async def count_citations(self, tenant: str, turn_id: str, cited: Collection[str]) -> None:
        """Once for each document and turn, so that owners see which documents are used."""
        if cited:
            await self.registry.count_citations(tenant, turn_id, cited)


def _deleted_by(certificate: Certificate, context: Context) -> bool:
    return certificate.deleted_by is not None and certificate.deleted_by == context.principal


def _summary(found: Document) -> DocumentSummary:
    """Without tags and metadata when they are none by today's rules: one document, not a list."""
    try:
        return _whole_summary(found)
    except ValidationError:
        fields = {"document_id": found.document_id}
        logger.error("unreadable_description", extra={"fields": fields})
        return _whole_summary(replace(found, description=Description()))


def _whole_summary(found: Document) -> DocumentSummary:
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
        visibility=found.description.visibility,
        owner=found.owner,
        source=found.source,
        created_at=found.created_at,
        updated_at=found.updated_at,
        cited=found.cited,
        attempts=found.attempts,
        stages={stage: round(seconds, 3) for stage, seconds in found.stages.items()},
        progress=found.progress,
        trace_id=found.traceparent and found.traceparent.split("-")[1],
        cost_usd=found.cost_usd,
        parent_id=found.parent_id,
        parts=found.counts.parts,
        note=found.note or None,
        waiting_for=found.waiting_for,
    )


def _of_message(seen: Seen, status: str) -> Document:
    """What its sender sees of a message of which no version came."""
    return Document(seen.document_id, seen.name, status, 0, seen.at, seen.at, fault=seen.fault)


def is_storable(*ids: str | None) -> bool:
    """False for an id that no document and no message can have."""
    try:
        for one in ids:
            storable(one or "")
    except ValueError:
        return False
    return True


def _cursor(last: Document) -> str:
    return urlsafe_b64encode(f"{last.created_at.isoformat()} {last.document_id}".encode()).decode()


def _place(after: str) -> tuple[datetime, str]:
    try:
        moment, document = urlsafe_b64decode(after).decode().split(" ")
        # PostgreSQL compares it: a far date in another time zone has no form in UTC.
        return datetime.fromisoformat(moment).astimezone(UTC), storable(document)
    except (ValueError, OverflowError):
        raise BadCursor("'after' must be the 'next' of the page before") from None
