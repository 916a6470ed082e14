"""What is written and removed: a completed turn with its facts, a quotation, a user."""

from dataclasses import dataclass
from datetime import datetime

from contracts.envelope import Context, derived_id
from contracts.gateway.erasures import ErasureDoneV1, TenantDeletedV1, UserErasedV1
from contracts.ingestion.events import DocumentDeletedV1
from contracts.ingestion.proof import DocumentPurgedV1, Purged
from services.memory.models.turn import TEXT_MAX, Turn
from services.memory.services.embedding import Embeddings
from services.memory.services.facts import Learning, as_facts, standing
from services.memory.services.ports import TurnStore
from shared.late import is_late
from shared.ports import Clock, Publisher

_KNOWN_FACTS = 100


@dataclass(frozen=True)
class Remembering:
    """Every method raises Unavailable, and may be called again for the same."""

    store: TurnStore
    embeddings: Embeddings
    learning: Learning
    publisher: Publisher
    clock: Clock

    async def remember(self, turn: Turn, query: str, context: Context) -> None:
        """Cuts texts that are longer than an item can hold: the archive keeps them whole.

        `query` is the question, complete in itself: it is what later questions are compared with.
        A turn of a conversation or user that was erased since it was asked is removed again.
        """
        key, now = turn.key, self.clock.now()
        # Before any model call: what is erased must not cost.
        erased_until = await self.store.erased_until(key)
        if erased_until is not None and turn.asked_at <= erased_until:
            return
        known = standing(await self.store.facts(key.tenant, key.user, _KNOWN_FACTS, now))
        (vector,), _, _ = await self.embeddings.of([query], context)
        said = await self.learning.of(turn.question, known, context)
        kept = turn.model_copy(
            update={
                "question": turn.question[:TEXT_MAX],
                "answer": turn.answer[:TEXT_MAX],
                "vector": vector,
            }
        )
        facts = as_facts(said, turn.completed_at, turn.turn_id, key.conversation_id)
        marks = await self.store.put(kept, facts)
        if marks.erased_until is not None and turn.asked_at <= marks.erased_until:
            await self.store.remove([kept])
            return
        cut = kept
        for document_id, ordinal in marks.deleted.items():
            cut = cut.without(document_id, ordinal)
        if cut != kept:
            await self.store.replace(kept, cut)

    async def forget_document(self, deleted: DocumentDeletedV1, context: Context) -> None:
        """Cuts what is remembered of the deleted versions, and confirms how many turns that was."""
        count, now = 0, self.clock.now()
        until = await self.store.tenant_erased_until(context.tenant)
        # Of a deleted tenant there is nothing to cut, and its name must not come back.
        if not is_late(context, until):
            count = await self._cut(context.tenant, deleted.document_id, deleted.ordinal)
        message = DocumentPurgedV1(
            document_id=deleted.document_id,
            ordinal=deleted.ordinal,
            service="memory",
            places=(Purged(place="turns", removed=count, at=now),),
        )
        event_id = derived_id(context.causation_id, "DocumentPurged", "memory", now.isoformat())
        await self.publisher.publish("documents", message, context, id=event_id)

    async def _cut(self, tenant: str, document_id: str, ordinal: int) -> int:
        quoting = await self.store.quoting(tenant, document_id, ordinal, self.clock.now())
        count = 0
        for turn in quoting:
            cut = turn.without(document_id, ordinal)
            if cut != turn:
                await self.store.replace(turn, cut)
                count += 1
        return count

    async def erase(self, wanted: UserErasedV1, context: Context) -> None:
        """Removes what a user asked, or everyone of the tenant, and says how much there was."""
        await self._erase(wanted, wanted.user, wanted.asked_until, context)

    async def erase_tenant(self, wanted: TenantDeletedV1, context: Context) -> None:
        """The same for all that there is of a tenant."""
        await self._erase(wanted, None, wanted.until, context)

    async def _erase(
        self,
        wanted: UserErasedV1 | TenantDeletedV1,
        user: str | None,
        until: datetime,
        context: Context,
    ) -> None:
        removed = await self.store.erase(context.tenant, user, until, self.clock.now())
        done = ErasureDoneV1(
            erasure_id=wanted.erasure_id, service="memory", round=wanted.round, removed=removed
        )
        event_id = derived_id(wanted.erasure_id, wanted.round, done.service)
        await self.publisher.publish("erasures", done, context, id=event_id)
