"""What a changed document ends: answers drawn from it; of a deleted one its quotations, too."""

from dataclasses import dataclass

from contracts.envelope import Context, derived_id
from contracts.ingestion.events import DocumentDeletedV1
from contracts.ingestion.proof import DocumentPurgedV1, Purged
from services.gateway.services.cache.answer_cache import AnswerCache
from services.gateway.services.ports import Sessions
from services.gateway.services.spending.tenants import Tenants
from shared.late import is_late
from shared.ports import Clock, Publisher


@dataclass(frozen=True)
class Forgetting:
    """Both raise Unavailable."""

    cache: AnswerCache
    sessions: Sessions
    tenants: Tenants
    publisher: Publisher
    clock: Clock

    async def changed(self, document_id: str, context: Context) -> None:
        if not is_late(context, await self.tenants.since(context.tenant)):
            await self.cache.document_changed(context.tenant, document_id, deleted=False)

    async def deleted(self, message: DocumentDeletedV1, context: Context) -> None:
        """Confirms how many turns and summaries of sessions held something of it."""
        tenant, document_id, count = context.tenant, message.document_id, 0
        # Of a deleted tenant there is nothing to cut, and its name must not come back.
        if not is_late(context, await self.tenants.since(tenant)):
            await self.cache.document_changed(tenant, document_id, deleted=True)
            count = await self.sessions.cut(tenant, document_id, message.ordinal)
        now = self.clock.now()
        purged = DocumentPurgedV1(
            document_id=document_id,
            ordinal=message.ordinal,
            service="gateway",
            places=(Purged(place="sessions", removed=count, at=now),),
        )
        event_id = derived_id(context.causation_id, "DocumentPurged", "gateway", now.isoformat())
        await self.publisher.publish("documents", purged, context, id=event_id)
