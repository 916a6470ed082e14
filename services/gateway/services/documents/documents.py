"""Documents as their owner sees them: ingestion knows their state, the note fills its silence."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.documents import DeleteDocumentV1
from contracts.ingestion.queries import (
    DocumentsListedV1,
    DocumentStateV1,
    DocumentSummary,
    GetDocumentV1,
    ListDocumentsV1,
    TakenInAnsweredV1,
    TakenInRequestedV1,
)
from services.gateway.models.document import AcceptedNote
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import NotFound
from services.gateway.services.ports import Notes
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.observability import span
from shared.ports import Requester

logger = logging.getLogger(__name__)
QUEUE = "ingestion-queries"


@dataclass(frozen=True)
class Documents:
    """All raise DeadlineMissed, Unavailable or RequestRefused.

    A document that the principal may not see does not exist for them.
    """

    requester: Requester
    notes: Notes
    budget_ms: int

    async def show(self, who: Principal, document_id: str) -> DocumentSummary | AcceptedNote:
        """The note, as long as ingestion does not know the upload. Raises NotFound.

        A deleted document is not found any more.
        """
        note = await self._noted(who, document_id)
        with span("show_document"):
            try:
                state = await self._state(who, document_id, note)
            except (DeadlineMissed, Unavailable):
                if note is None:
                    raise
                return note
        if note is not None and (state is None or not state.taken_in):
            return note
        if note is not None:
            # Ingestion knows the upload: from here on only its own word counts.
            await self._remove_note(who.tenant, note)
        if state is None or state.document.status == "deleted":
            raise _absent(document_id)
        return state.document

    async def list(self, who: Principal, limit: int, after: str | None) -> DocumentsListedV1:
        """A page of the tenant's documents, newest first."""
        request = ListDocumentsV1(limit=limit, after=after, visible_to=who.managed_as)
        with span("list_documents"):
            return await self.requester.ask(
                QUEUE, request, DocumentsListedV1, _context(who), self.budget_ms
            )

    async def delete(self, who: Principal, document_id: str) -> DocumentSummary:
        """Returns when ingestion has committed the deletion. Raises NotFound.

        An upload that ingestion has not taken in yet is deleted with its document: the note names
        it, so that it does not bring the document back.
        """
        note = await self._noted(who, document_id)
        request = DeleteDocumentV1(
            document_id=document_id,
            accepted_id=note.message_id if note else None,
            visible_to=who.managed_as,
        )
        with span("delete_document"):
            try:
                state = await self.requester.ask(
                    QUEUE, request, DocumentStateV1, _context(who), self.budget_ms
                )
            except RequestRefused as error:
                _only_not_found(error)
                raise _absent(document_id) from None
        if note is not None:
            await self._remove_note(who.tenant, note)
        return state.document.model_copy(update={"status": "deleted"})

    async def missing(self, tenant: str, message_ids: Sequence[str]) -> set[str]:
        """Those of at most 1,000 uploads that were neither taken in nor deleted."""
        request = TakenInRequestedV1(message_ids=tuple(message_ids))
        answered = await self.requester.ask(
            QUEUE, request, TakenInAnsweredV1, Context(tenant=tenant), self.budget_ms
        )
        return set(answered.missing)

    async def _state(
        self, who: Principal, document_id: str, note: AcceptedNote | None
    ) -> DocumentStateV1 | None:
        """None for a document that ingestion does not know."""
        request = GetDocumentV1(
            document_id=document_id,
            accepted_id=note.message_id if note else None,
            visible_to=who.managed_as,
        )
        try:
            return await self.requester.ask(
                QUEUE, request, DocumentStateV1, _context(who), self.budget_ms
            )
        except RequestRefused as error:
            _only_not_found(error)
            return None

    async def _noted(self, who: Principal, document_id: str) -> AcceptedNote | None:
        """None, too, for a document that this principal will not see."""
        try:
            note = await self.notes.get(who.tenant, document_id)
        except Unavailable:
            return None
        names = who.managed_as
        if note is None or note.visibility is None or names is None:
            return note
        return note if set(names) & set(note.visibility) else None

    async def _remove_note(self, tenant: str, note: AcceptedNote) -> None:
        """A note that stays does no harm: ingestion's word comes before it, and it expires."""
        try:
            await self.notes.remove(tenant, note)
        except Unavailable:
            fields = {"document_id": note.document_id}
            logger.warning("note_not_removed", extra={"fields": fields})


def _context(who: Principal) -> Context:
    return Context(tenant=who.tenant, principal=who.user)


def _absent(document_id: str) -> NotFound:
    return NotFound(f"There is no document {document_id}.")


def _only_not_found(refused: RequestRefused) -> None:
    """Raises every other refusal again."""
    if refused.code != "not_found":
        raise refused
