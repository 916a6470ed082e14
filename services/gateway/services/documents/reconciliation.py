"""Accepted is accepted: uploads that the queue lost are sent to ingestion again."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from contracts.envelope import Context
from contracts.ingestion.documents import IngestDocumentV2
from services.gateway.models.document import AcceptedNote
from services.gateway.services.documents.accepting import QUEUE
from services.gateway.services.documents.documents import Documents
from shared.observability import metric
from shared.ports import Clock, Publisher

logger = logging.getLogger(__name__)
# What TakenInRequested holds at most.
BATCH = 1000


@dataclass(frozen=True)
class Reconciliation:
    """Asks ingestion about the notes that are due.

    Several gateways may do the same at once: a message that is sent twice is taken in once. A
    round may be broken off: no note is lost.
    """

    documents: Documents
    publisher: Publisher
    clock: Clock

    async def round(self) -> None:
        """Goes through all notes that are due. Raises what Documents raises."""
        notes = self.documents.notes
        due = await notes.due(self.clock.now(), BATCH)
        while due:
            by_tenant = defaultdict[str, list[AcceptedNote]](list)
            for tenant, note in due:
                by_tenant[tenant].append(note)
            for tenant, of_tenant in by_tenant.items():
                await self._reconcile(tenant, of_tenant)
            due = await notes.due(self.clock.now(), BATCH)

    async def _reconcile(self, tenant: str, notes: Sequence[AcceptedNote]) -> None:
        missing = await self.documents.missing(tenant, [note.message_id for note in notes])
        for note in notes:
            if note.message_id in missing and await self._sent_again(tenant, note):
                # Each time twice as late: a message that waits in a long queue is not lost.
                now = self.clock.now()
                await self.documents.notes.postpone(tenant, note, now + (now - note.accepted_at))
            else:
                await self.documents.notes.remove(tenant, note)

    async def _sent_again(self, tenant: str, note: AcceptedNote) -> bool:
        """False for a note that holds no offer, as those of earlier releases."""
        fields = {"document_id": note.document_id, "message_id": note.message_id}
        try:
            offer = IngestDocumentV2.model_validate(note.offer)
        except ValidationError:
            logger.warning("note_without_offer", extra={"fields": fields})
            return False
        context = Context(tenant=tenant, principal=note.user)
        await self.publisher.send(QUEUE, offer, context, id=note.message_id)
        metric("UploadsSentAgain", 1)
        logger.info("sent_again", extra={"fields": fields})
        return True
