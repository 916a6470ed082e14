"""Documents in work: retry, cancel, reindex."""

from collections.abc import Awaitable
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.commands import CancelDocumentV1, ReindexDocumentV1, RetryDocumentV1
from contracts.ingestion.queries import DocumentStateV1
from contracts.platform.replies import RequestFailedV1
from services.ingestion.models.errors import NotPossible
from services.ingestion.services.steering import Steer
from shared.outcomes import Done, Outcome

_NOT_FOUND = Done(RequestFailedV1(code="not_found", message="There is no such document."))


@dataclass(frozen=True)
class SteeringController:
    """Answers DocumentState, or RequestFailed with `not_found` or `not_possible`."""

    steer: Steer

    async def retry(self, message: RetryDocumentV1, context: Context) -> Outcome:
        return await _told(self.steer.retry(message.document_id, context, message.visible_to))

    async def cancel(self, message: CancelDocumentV1, context: Context) -> Outcome:
        return await _told(self.steer.cancel(message.document_id, context, message.visible_to))

    async def reindex(self, message: ReindexDocumentV1, context: Context) -> Outcome:
        return await _told(self.steer.reindex(message.document_id, context, message.visible_to))


async def _told(work: Awaitable[DocumentStateV1 | None]) -> Outcome:
    try:
        state = await work
    except NotPossible as error:
        return Done(RequestFailedV1(code="not_possible", message=str(error)))
    return _NOT_FOUND if state is None else Done(state)
