"""Documents: take one in, delete it, show it, list them, and note what others did with them."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV2
from contracts.ingestion.documents import DeleteDocumentV1, IngestDocumentV2, ObjectsDroppedV1
from contracts.ingestion.proof import CONFIRMING, DocumentPurgedV1, GetCertificateV1
from contracts.ingestion.queries import (
    GetDocumentV1,
    ListDocumentsV1,
    TakenInAnsweredV1,
    TakenInRequestedV1,
)
from contracts.platform.replies import RequestFailedV1
from contracts.retrieval.events import DocumentIndexedV1, IndexingRefusedV1
from services.ingestion.models.errors import BadCursor, BadSelection, TenantClosed, Unwelcome
from services.ingestion.models.version import Fault, Selection
from services.ingestion.services.documents import Documents
from services.ingestion.services.intake.intake import TakeIn
from services.ingestion.services.intake.permits import Permits
from shared.outcomes import Done, Outcome, Reject, Retry

_NOT_FOUND = Done(RequestFailedV1(code="not_found", message="There is no such document."))

# A tenant that was created again is heard of by then.
_REOPENED_S = 2.0


@dataclass(frozen=True)
class DocumentsController:
    """`permits` say who may send on the queue that stands open to others than the gateway."""

    documents: Documents
    take_in: TakeIn
    permits: Permits

    async def offered(self, message: IngestDocumentV2, context: Context) -> Outcome:
        """Done means: the new version is committed."""
        try:
            await self.take_in.message(message, context)
        except TenantClosed as error:
            return Retry(_REOPENED_S, str(error))
        except Unwelcome as error:
            return Reject(str(error))
        return Done()

    async def dropped(self, message: ObjectsDroppedV1, context: Context) -> Outcome:
        """One object that cannot be taken in does not keep the others out."""
        problems, closed = [], False
        for dropped in message.objects:
            try:
                await self.take_in.dropped(dropped, context)
            except Unwelcome as error:
                closed = closed or isinstance(error, TenantClosed)
                problems.append(str(error))
        if closed:
            return Retry(_REOPENED_S, "; ".join(problems))
        return Reject("; ".join(problems)) if problems else Done()

    async def delete_if_permitted(self, message: DeleteDocumentV1, context: Context) -> Outcome:
        try:
            self.permits.check(context)
        except Unwelcome as error:
            return Reject(str(error))
        return await self.delete(message, context)

    async def delete(self, message: DeleteDocumentV1, context: Context) -> Outcome:
        state = await self.documents.delete(
            message.document_id, context, message.accepted_id, message.visible_to
        )
        return _NOT_FOUND if state is None else Done(state)

    async def certificate(self, message: GetCertificateV1, context: Context) -> Outcome:
        found = await self.documents.certificate(message.document_id, context, message.visible_to)
        return _NOT_FOUND if found is None else Done(found)

    async def purged(self, message: DocumentPurgedV1, context: Context) -> Outcome:
        if message.service not in CONFIRMING:
            return Reject(f"{message.service} holds nothing of a document that it must purge")
        await self.documents.confirm_purge(context.tenant, message)
        return Done()

    async def get(self, message: GetDocumentV1, context: Context) -> Outcome:
        state = await self.documents.state(
            context.tenant, message.document_id, message.accepted_id, message.visible_to
        )
        return _NOT_FOUND if state is None else Done(state)

    async def taken_in(self, message: TakenInRequestedV1, context: Context) -> Outcome:
        missing = await self.documents.missing(context.tenant, message.message_ids)
        return Done(TakenInAnsweredV1(missing=tuple(missing)))

    async def list(self, message: ListDocumentsV1, context: Context) -> Outcome:
        selection = Selection(message.state, message.query, message.tag)
        try:
            page = await self.documents.page(
                context.tenant, message.limit, message.after, message.visible_to, selection
            )
            return Done(page)
        except (BadCursor, BadSelection) as error:
            return Done(RequestFailedV1(code="invalid_request", message=str(error)))

    async def indexed(self, message: DocumentIndexedV1, context: Context) -> Outcome:
        await self.documents.mark_ready(
            context.tenant, message.document_id, message.ordinal, message.counts.chunks
        )
        return Done()

    async def refused(self, message: IndexingRefusedV1, context: Context) -> Outcome:
        fault = Fault(message.code, message.message)
        await self.documents.mark_refused(
            context.tenant, message.document_id, message.ordinal, fault
        )
        return Done()

    async def cited(self, message: TurnCompletedV2, context: Context) -> Outcome:
        cited = {source.document_id for source in message.sources if source.cited}
        await self.documents.count_citations(context.tenant, message.turn_id, cited)
        return Done()
