"""Accepted is accepted: uploads that the queue lost are sent to ingestion again."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from contracts.envelope import Context
from contracts.ingestion.documents import IngestDocumentV2
from services.gateway.models.document import AcceptedNote
from services.gateway.services.documents.accepting import QUEUE
from services.gateway.services.documents.documents import Documents
from shared.errors import DeadlineMissed, RequestRefused, Unavailable, described
from shared.observability import metric
from shared.ports import Clock, Publisher

logger = logging.getLogger(__name__)
# What TakenInRequested holds at most.
BATCH = 1000


@dataclass
class Reconciliation:
    """A Runnable. Every `every_s` seconds it asks ingestion about the notes that are due.

    Several gateways may do the same at once: a message that is sent twice is taken in once.
    """

    documents: Documents
    publisher: Publisher
    clock: Clock
    every_s: float
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _running: bool = True

    async def run(self) -> None:
        try:
            while not self._stopping.is_set():
                await self._try_round()
                try:
                    async with asyncio.timeout(self.every_s):
                        await self._stopping.wait()
                except TimeoutError:
                    continue
        finally:
            self._running = False

    def stop(self) -> None:
        self._stopping.set()

    def alive(self) -> bool:
        return self._running

    async def _try_round(self) -> None:
        """Whatever goes wrong is tried again in the next round: no note is lost."""
        try:
            await self.round()
        except (DeadlineMissed, RequestRefused, Unavailable) as error:
            logger.warning("not_reconciled", extra={"fields": {"reason": described(error)}})
        except Exception:
            logger.exception("reconciliation_failed")

    async def round(self) -> None:
        """Goes through all notes that are due. Raises what Documents raises."""
        notes = self.documents.notes
        due = await notes.due(self.clock.now(), BATCH)
        while due and not self._stopping.is_set():
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
