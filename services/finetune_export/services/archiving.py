"""Archives what was said, for good."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date

from contracts.envelope import Context, derived_id, new_id
from contracts.gateway.erasures import ErasureDoneV1, UserErasedV1
from contracts.gateway.turns import TurnCompletedV2
from services.finetune_export.models.archived_document import DocumentEvent
from services.finetune_export.models.archived_feedback import ArchivedFeedback
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.models.audit import ALL, Act
from services.finetune_export.models.tombstones import DeletedDocument, Tombstone
from services.finetune_export.services.auditing import Auditing
from services.finetune_export.services.ports import (
    LakeParts,
    TrainingSets,
    TurnArchive,
    UsageArchive,
)
from services.finetune_export.services.training.jobs import TrainingJobs
from shared.ports import Clock, Publisher

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Archiving:
    """Every method is idempotent and raises Unavailable.

    Marks are read after writing, and whoever sets a mark reads afterwards: one sees the other.
    """

    archive: TurnArchive
    lake: LakeParts
    audit: Auditing
    clock: Clock

    async def archive_turn(self, turn: ArchivedTurn) -> None:
        """Leaves out a turn whose user was erased since it was asked, and cuts what it quotes of
        deleted documents."""
        if await self._erased(turn):
            await self.archive.discard(turn)
            return
        written = await self.archive.write_once(turn)
        if await self._erased(turn):
            await self.archive.discard(turn)
            return
        deleted = await self.archive.deleted(turn.tenant, turn.documents)
        for document_id, ordinal in deleted.items():
            await self.archive.cut(turn.key, document_id, ordinal)
        await self._changed(turn)
        for document_id in deleted:
            await self.archive.unlink(turn.key, document_id)
        logger.info("turn_archived", extra={"fields": {"turn_id": turn.turn_id, "new": written}})

    async def archive_feedback(self, feedback: ArchivedFeedback) -> None:
        """The same for feedback, which may come before its turn."""
        if await self._erased(feedback):
            # Written, it would make a new key for the user.
            await self.archive.discard_feedback(feedback)
            return
        await self.archive.write_feedback(feedback)
        if await self._erased(feedback):
            await self.archive.discard_feedback(feedback)
            return
        turn = await self.archive.read(feedback.turn_key)
        if turn is None:
            return
        if turn.is_cut:
            await self.archive.cut_feedback(feedback)
        await self._changed(turn)

    async def archive_document_event(self, event: DocumentEvent) -> None:
        await self.archive.write_document_event(event)

    async def cut_quotations(self, deleted: DeletedDocument, event_id: str) -> int:
        """How many turns quoted the deleted versions of a document.

        What leads to a turn goes last: a crash in between leaves the rest to be found again.
        """
        await self.archive.bury(deleted)
        count = 0
        async for key in self.archive.quoting(deleted.tenant, deleted.document_id):
            turn = await self.archive.cut(key, deleted.document_id, deleted.ordinal)
            if turn is not None and deleted.document_id in turn.cut:
                await self._changed(turn)
                count += 1
            await self.archive.unlink(key, deleted.document_id)
        act = Act(
            tenant=deleted.tenant,
            who=None,
            what="document_cut",
            event_id=event_id,
            ids={"document": deleted.document_id, "ordinal": str(deleted.ordinal)},
            counts={"turns": count},
        )
        await self.audit.note(act)
        return count

    async def _changed(self, turn: ArchivedTurn) -> None:
        """The lake holds closed days alone."""
        if turn.day < self.clock.now().astimezone(UTC).date():
            await self.lake.change(turn.tenant, [turn.day])

    async def _erased(self, said: ArchivedTurn | ArchivedFeedback) -> bool:
        """Of a correction: also when the admin was erased since."""
        if await self.archive.is_erased(said.tenant, said.user, said.asked_at):
            return True
        if isinstance(said, ArchivedTurn) or said.corrected_by is None:
            return False
        return await self.archive.is_erased(said.tenant, said.corrected_by, said.given_at)


@dataclass(frozen=True)
class Erasing:
    """Removes what a user said, or everyone of a tenant, and says how much there was."""

    archive: TurnArchive
    usage: UsageArchive
    lake: LakeParts
    sets: TrainingSets
    trainings: TrainingJobs
    audit: Auditing
    publisher: Publisher

    async def erase(self, wanted: UserErasedV1, context: Context) -> None:
        """Idempotent. Raises Unavailable."""
        tombstone = Tombstone(tenant=context.tenant, user=wanted.user, until=wanted.asked_until)
        removed = await self._remove(tombstone)
        models = await self.trainings.withdraw(tombstone)
        done = ErasureDoneV1(
            erasure_id=wanted.erasure_id,
            service="finetune_export",
            round=wanted.round,
            removed=removed,
            models=tuple(models),
        )
        event_id = derived_id(wanted.erasure_id, wanted.round, done.service)
        act = Act(
            tenant=context.tenant,
            who=wanted.user,
            what="erased",
            event_id=event_id,
            ids={"erasure": wanted.erasure_id, "round": str(wanted.round)},
            counts=removed | ({"models": len(models)} if models else {}),
        )
        await self.audit.note(act)
        await self.publisher.publish("erasures", done, context, id=event_id)

    async def _remove(self, tombstone: Tombstone) -> dict[str, int]:
        """Before the first turn of a day its part of the lake goes: a crash leaves the turn to find
        it again. A compaction heeds the tombstone."""
        await self.archive.put_tombstone(tombstone)
        keys = await self.archive.destroy_keys(tombstone)
        removed = {"keys": keys, "turns": 0, "feedback": 0, "lake_parts": 0}
        days: set[date] = set()
        async for turn in self.archive.covered(tombstone):
            if turn.day not in days:
                removed["lake_parts"] += await self.lake.change(turn.tenant, [turn.day])
                days.add(turn.day)
            removed["feedback"] += await self.archive.discard(turn)
            removed["turns"] += 1
        async for feedback in self.archive.covered_feedback(tombstone):
            await self.archive.discard_feedback(feedback)
            removed["feedback"] += 1
        async for correction in self.archive.corrections_by(tombstone):
            if of := await self.archive.read(correction.turn_key):
                removed["lake_parts"] += await self.lake.change(of.tenant, [of.day])
            await self.archive.discard_feedback(correction)
            removed["feedback"] += 1
        usage = await self.usage.anonymise(tombstone.tenant, tombstone.user)
        sets = await self.sets.withdraw(tombstone)
        return removed | {"usage_names": usage, "training_sets": sets}


@dataclass(frozen=True)
class Replay:
    """Publishes archived turns again, under the ids that they had. It is noted before."""

    archive: TurnArchive
    audit: Auditing
    publisher: Publisher

    async def publish_since(
        self, day: date, tenant: str | None, progress: Callable[[int], None] = lambda _: None
    ) -> int:
        """How many turns. Raises Unavailable."""
        ids, event_id = {"since": day.isoformat()}, new_id()
        act = Act(tenant=tenant or ALL, who=None, what="turns_replayed", event_id=event_id, ids=ids)
        await self.audit.note(act)
        sent = 0
        async for turn in self.archive.since(day, tenant):
            context = Context(
                tenant=turn.tenant, principal=turn.user, correlation_id=turn.correlation_id
            )
            message = TurnCompletedV2.model_validate(turn.body)
            await self.publisher.publish_now("turns", message, context, id=turn.message_id)
            sent += 1
            progress(sent)
        return sent
