"""Documents as their owner sees them: ingestion knows their state, the note fills its silence."""

import logging
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.http import DocumentList, DocumentView
from contracts.ingestion.documents import DeleteDocumentV1
from contracts.ingestion.queries import (
    DocumentsListedV1,
    DocumentStateV1,
    GetDocumentV1,
    ListDocumentsV1,
)
from services.gateway.models.document import AcceptedNote, Notes
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import NotFound
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.observability import span
from shared.ports import Requester

logger = logging.getLogger(__name__)
QUEUE = "ingestion-queries"


def _context(who: Principal) -> Context:
    return Context(tenant=who.tenant, principal=who.user)


def _names(who: Principal) -> tuple[str, ...] | None:
    """An admin manages all of the tenant's documents, also those they could not search."""
    return None if "admin" in who.scopes else who.visible_to


def _absent(document_id: str) -> NotFound:
    return NotFound(f"There is no document {document_id}.")


@dataclass(frozen=True)
class ShowDocument:
    """One document's state. A deleted one is not there any more."""

    requester: Requester
    notes: Notes
    budget_ms: int

    async def __call__(self, who: Principal, document_id: str) -> DocumentView:
        """Raises NotFound, also for another tenant's document; DeadlineMissed or Unavailable."""
        note = await _noted(self.notes, who, document_id)
        with span("show_document"):
            try:
                state = await self._ask(who, document_id, note)
            except (DeadlineMissed, Unavailable):
                if note is None:
                    raise
                return _accepted(note)
        if note is not None and (state is None or not state.taken_in):
            return _accepted(note)
        if note is not None:
            # Ingestion knows it: from here on only its own word counts.
            await forget_note(self.notes, who.tenant, document_id)
        if state is None or state.document.status == "deleted":
            raise _absent(document_id)
        return DocumentView.of(state.document)

    async def _ask(
        self, who: Principal, document_id: str, note: AcceptedNote | None
    ) -> DocumentStateV1 | None:
        request = GetDocumentV1(
            document_id=document_id,
            accepted_id=note.message_id if note else None,
            visible_to=_names(who),
        )
        try:
            return await self.requester.ask(
                QUEUE, request, DocumentStateV1, _context(who), self.budget_ms
            )
        except RequestRefused as error:
            _only_not_found(error)
            return None


@dataclass(frozen=True)
class ListDocuments:
    """A page of the tenant's documents, newest first."""

    requester: Requester
    budget_ms: int

    async def __call__(self, who: Principal, limit: int, after: str | None) -> DocumentList:
        """Raises DeadlineMissed, RequestRefused or Unavailable."""
        with span("list_documents"):
            listed = await self.requester.ask(
                QUEUE,
                ListDocumentsV1(limit=limit, after=after, visible_to=_names(who)),
                DocumentsListedV1,
                _context(who),
                self.budget_ms,
            )
        views = [DocumentView.of(summary) for summary in listed.documents]
        return DocumentList(documents=views, next=listed.next)


@dataclass(frozen=True)
class DeleteDocument:
    """Answered when ingestion has committed the deletion; its traces go soon after."""

    requester: Requester
    notes: Notes
    budget_ms: int

    async def __call__(self, who: Principal, document_id: str) -> DocumentView:
        """Raises NotFound, DeadlineMissed or Unavailable."""
        request = DeleteDocumentV1(document_id=document_id, visible_to=_names(who))
        with span("delete_document"):
            try:
                state = await self.requester.ask(
                    QUEUE, request, DocumentStateV1, _context(who), self.budget_ms
                )
            except RequestRefused as error:
                _only_not_found(error)
                raise _absent(document_id) from None
        await forget_note(self.notes, who.tenant, document_id)
        return DocumentView.of(state.document).model_copy(update={"status": "deleted"})


async def forget_note(notes: Notes, tenant: str, document_id: str) -> None:
    """A note that stays does no harm: ingestion's own word goes before it, and it expires."""
    try:
        await notes.drop(tenant, document_id)
    except Unavailable:
        logger.warning("note_not_dropped", extra={"fields": {"document_id": document_id}})


async def _noted(notes: Notes, who: Principal, document_id: str) -> AcceptedNote | None:
    """None too for a document that this principal will not see."""
    try:
        note = await notes.get(who.tenant, document_id)
    except Unavailable:
        return None
    names = _names(who)
    if note is None or note.visibility is None or names is None:
        return note
    return note if set(names) & set(note.visibility) else None


def _only_not_found(refused: RequestRefused) -> None:
    """Any other refusal passes on."""
    if refused.code != "not_found":
        raise refused


def _accepted(note: AcceptedNote) -> DocumentView:
    return DocumentView(
        document_id=note.document_id,
        name=note.name,
        status="accepted",
        media_type=note.media_type,
        tags=note.tags,
        created_at=note.accepted_at.isoformat(),
    )
