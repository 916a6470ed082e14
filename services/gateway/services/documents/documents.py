"""Documents as their owner sees them: ingestion knows their state, the note fills its silence."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.commands import CancelDocumentV1, ReindexDocumentV1, RetryDocumentV1
from contracts.ingestion.documents import DeleteDocumentV1
from contracts.ingestion.life_cycle import GONE
from contracts.ingestion.proof import CertificateV1, GetCertificateV1
from contracts.ingestion.queries import (
    DocumentsListedV1,
    DocumentStateV1,
    DocumentSummary,
    GetDocumentV1,
    ListDocumentsV1,
    TakenInAnsweredV1,
    TakenInRequestedV1,
)
from contracts.message import Message
from services.gateway.models.document import EVERY, AcceptedNote, Chosen
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import NotFound, NotPossible
from services.gateway.services.ports import Notes, SharedAnswers
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.observability import span
from shared.ports import Requester

logger = logging.getLogger(__name__)
QUEUE = "ingestion-queries"
# Questions about documents that one request asks at a time.
_AT_ONCE = 8
_NOT_TAKEN_IN = "It is accepted, and work on it has not begun. Try again in a moment, or delete it."


@dataclass(frozen=True)
class Documents:
    """All raise DeadlineMissed, Unavailable or RequestRefused.

    A document that the principal may not see does not exist for them.
    """

    requester: Requester
    notes: Notes
    budget_ms: int
    answers: SharedAnswers

    async def show(self, who: Principal, document_id: str) -> DocumentSummary | AcceptedNote:
        """The note, as long as ingestion does not know the upload. Raises NotFound.

        A deleted document is not found any more.
        """
        note = await self.noted(who, document_id)
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
        if state is None or state.document.status in GONE:
            raise _absent(document_id)
        return state.document

    async def list(
        self, who: Principal, limit: int, after: str | None, chosen: Chosen = EVERY
    ) -> DocumentsListedV1:
        """A page of the tenant's documents, newest first."""
        request = ListDocumentsV1(
            limit=limit,
            after=after,
            visible_to=who.managed_as,
            state=chosen.state,
            query=chosen.query,
            tag=chosen.tag,
        )
        with span("list_documents"):
            return await self.requester.ask(
                QUEUE, request, DocumentsListedV1, _context(who), self.budget_ms
            )

    async def delete(self, who: Principal, document_id: str) -> DocumentSummary:
        """Returns when ingestion has committed the deletion: `deleting`, or `deleted` already.

        Raises NotFound.

        An upload that ingestion has not taken in yet is deleted with its document: the note names
        it, so that it does not bring the document back.
        """
        note = await self.noted(who, document_id)
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
        await self._forget_answers(who.tenant, document_id)
        if note is not None:
            await self._remove_note(who.tenant, note)
        return state.document

    async def certificate(self, who: Principal, document_id: str) -> CertificateV1:
        """Raises NotFound, too, when it was never deleted, or by another who is no admin."""
        request = GetCertificateV1(document_id=document_id, visible_to=who.managed_as)
        with span("show_certificate"):
            try:
                return await self.requester.ask(
                    QUEUE, request, CertificateV1, _context(who), self.budget_ms
                )
            except RequestRefused as error:
                _only_not_found(error)
                raise _absent(document_id) from None

    async def retry(self, who: Principal, document_id: str) -> DocumentSummary:
        """A rejected or failed document is worked on again. Raises NotFound and NotPossible."""
        request = RetryDocumentV1(document_id=document_id, visible_to=who.managed_as)
        return await self._steer(who, document_id, request)

    async def cancel(self, who: Principal, document_id: str) -> DocumentSummary:
        """Work on the newest version ends. Raises NotFound and NotPossible."""
        request = CancelDocumentV1(document_id=document_id, visible_to=who.managed_as)
        return await self._steer(who, document_id, request)

    async def reindex(self, who: Principal, document_id: str) -> DocumentSummary:
        """A ready document is read anew. Raises NotFound and NotPossible."""
        request = ReindexDocumentV1(document_id=document_id, visible_to=who.managed_as)
        return await self._steer(who, document_id, request)

    async def _steer(self, who: Principal, document_id: str, request: Message) -> DocumentSummary:
        with span("steer_document"):
            try:
                state = await self.requester.ask(
                    QUEUE, request, DocumentStateV1, _context(who), self.budget_ms
                )
            except RequestRefused as error:
                if error.code == "not_possible":
                    raise NotPossible(str(error)) from None
                _only_not_found(error)
                if await self.noted(who, document_id) is not None:
                    raise NotPossible(_NOT_TAKEN_IN) from None
                raise _absent(document_id) from None
        return state.document

    async def readable(self, who: Principal, document_ids: Iterable[str]) -> set[str]:
        """Those whose text the principal may read: an admin manages more than that."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def is_readable(document_id: str) -> bool:
            request = GetDocumentV1(document_id=document_id, visible_to=who.visible_to)
            async with gate:
                state = await self._answered(who, request)
            return state is not None and state.document.status not in GONE

        ids = sorted(document_ids)
        found = await asyncio.gather(*map(is_readable, ids))
        return {one for one, readable in zip(ids, found, strict=True) if readable}

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
        return await self._answered(who, request)

    async def _answered(self, who: Principal, request: GetDocumentV1) -> DocumentStateV1 | None:
        try:
            return await self.requester.ask(
                QUEUE, request, DocumentStateV1, _context(who), self.budget_ms
            )
        except RequestRefused as error:
            _only_not_found(error)
            return None

    async def noted(self, who: Principal, document_id: str) -> AcceptedNote | None:
        """None, too, for a document that this principal will not see."""
        try:
            note = await self.notes.get(who.tenant, document_id)
        except Unavailable:
            return None
        names = who.managed_as
        if note is None or note.visibility is None or names is None:
            return note
        return note if set(names) & set(note.visibility) else None

    async def _forget_answers(self, tenant: str, document_id: str) -> None:
        """At once: the event that does the same comes a moment later."""
        try:
            await self.answers.document_changed(tenant, document_id, deleted=True)
        except Unavailable:
            fields = {"document_id": document_id}
            logger.warning("answers_not_forgotten", extra={"fields": fields})

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
