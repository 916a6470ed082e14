"""DeleteDocument: asked by the gateway with a reply, or sent by hand without one."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.documents import DeleteDocumentV1
from contracts.ingestion.queries import DocumentStateV1
from contracts.platform.replies import RequestFailedV1
from services.ingestion.models.errors import Unwelcome
from services.ingestion.services.deletion import Delete
from services.ingestion.services.intake.permits import Permits
from shared.outcomes import Done, Outcome, Reject


@dataclass(frozen=True)
class DeleteDocument:
    delete: Delete
    permits: Permits

    async def __call__(self, message: DeleteDocumentV1, context: Context) -> Outcome:
        try:
            self.permits.check(context)
        except Unwelcome as error:
            return Reject(str(error))
        deleted = await self.delete(message.document_id, context, message.visible_to)
        if deleted is None:
            return Done(RequestFailedV1(code="not_found", message="There is no such document."))
        return Done(DocumentStateV1(document=deleted))
