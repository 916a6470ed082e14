"""The archive of turns, of feedback, and of what happened to documents."""

from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime
from functools import partial

from services.finetune_export.models.archived_document import DocumentEvent
from services.finetune_export.models.archived_feedback import (
    FEEDBACK_PREFIX,
    ArchivedFeedback,
    corrected_mark,
    feedback_prefix,
)
from services.finetune_export.models.archived_turn import (
    DAYS_PREFIX,
    TURNS_PREFIX,
    ArchivedTurn,
    by_document_prefix,
    quoted_user,
)
from services.finetune_export.models.owner import Owner
from services.finetune_export.models.tombstones import (
    DeletedDocument,
    Tombstone,
    all_deleted_prefix,
    deleted_prefix,
    erased_prefix,
)
from services.finetune_export.store.bodies import Bodies
from services.finetune_export.store.objects import Objects


class Archive:
    """Implements services.ports.TurnArchive.

    Empty objects lead to a turn from its day and from the documents that it quotes. They are
    written after it, also when it was there: a crash in between leaves no gap in the index.
    """

    def __init__(
        self, objects: Objects, bodies: Bodies | None = None, marks_at_once: int = 1000
    ) -> None:
        """`marks_at_once`: of deleted documents, as many as a list of S3 holds."""
        self._objects, self._bodies = objects, bodies or Bodies(objects, None)
        self._marks_at_once = marks_at_once

    async def ping(self) -> None:
        await self._objects.ping()

    async def write_once(self, turn: ArchivedTurn) -> bool:
        body = turn.model_dump_json().encode()
        written = await self._bodies.put_new(turn.key, body, _turn_outline)
        await self._objects.put_empty([turn.day_key, *turn.document_keys])
        return written

    async def read(self, key: str) -> ArchivedTurn | None:
        body = await self._bodies.read(key)
        return ArchivedTurn.model_validate_json(body) if body else None

    async def since(self, day: date, tenant: str | None) -> AsyncIterator[ArchivedTurn]:
        prefix = f"{DAYS_PREFIX}{tenant}/" if tenant else DAYS_PREFIX
        async for day_key in self._objects.keys(prefix):
            _, its_day, key = ArchivedTurn.key_of(day_key)
            if its_day >= day and (turn := await self.read(key)):
                yield turn

    def tenants(self) -> AsyncIterator[str]:
        return self._objects.folders(DAYS_PREFIX)

    async def days(self, tenant: str) -> AsyncIterator[date]:
        async for day in self._objects.folders(f"{DAYS_PREFIX}{tenant}/"):
            yield date.fromisoformat(day)

    async def of_day(self, tenant: str, day: date) -> AsyncIterator[str]:
        async for key in self._objects.keys(f"{DAYS_PREFIX}{tenant}/{day.isoformat()}/"):
            yield ArchivedTurn.key_of(key)[2]

    async def is_erased(self, tenant: str, user: str, asked_at: datetime) -> bool:
        """One list of the tenant's tombstones: nearly always an empty one."""
        found = await self.tombstones(tenant)
        return any(Tombstone.covers(key, user, asked_at) for key in found)

    async def discard(self, turn: ArchivedTurn) -> int:
        """The turn last: a crash in between leaves it for the next round to find."""
        feedback = [key async for key in self._objects.keys(feedback_prefix(turn))]
        await self._objects.remove([*feedback, *turn.document_keys, turn.day_key])
        await self._objects.remove([turn.key])
        return len(feedback)

    async def put_tombstone(self, tombstone: Tombstone) -> None:
        await self._objects.put_empty([tombstone.key])

    async def tombstones(self, tenant: str) -> set[str]:
        return {key async for key in self._objects.keys(erased_prefix(tenant))}

    async def covered(self, tombstone: Tombstone) -> AsyncIterator[ArchivedTurn]:
        """By their outlines: day and documents lead to the turn's keys in the indexes."""
        async for key in self._objects.keys(tombstone.turns):
            body = await self._bodies.outline(key)
            if body is not None:
                turn = ArchivedTurn.model_validate_json(body)
                if turn.asked_at <= tombstone.until:
                    yield turn

    async def covered_feedback(self, tombstone: Tombstone) -> AsyncIterator[ArchivedFeedback]:
        async for key in self._objects.keys(tombstone.feedback):
            body = await self._bodies.outline(key)
            if body is not None:
                feedback = ArchivedFeedback.model_validate_json(body)
                if feedback.asked_at <= tombstone.until:
                    yield feedback

    async def corrections_by(self, tombstone: Tombstone) -> AsyncIterator[ArchivedFeedback]:
        if tombstone.user is None:
            return
        mark = corrected_mark(tombstone.user)
        async for key in self.feedback_keys(tombstone.tenant):
            if key.endswith(mark) and (body := await self._bodies.outline(key)):
                correction = ArchivedFeedback.model_validate_json(body)
                if correction.given_at <= tombstone.until:
                    yield correction

    def feedback_keys(self, tenant: str) -> AsyncIterator[str]:
        return self._objects.keys(f"{FEEDBACK_PREFIX}{tenant}/")

    async def destroy_keys(self, tombstone: Tombstone) -> int:
        """What was said after `until` is encrypted anew before: it stays."""
        count = 0
        user = None if tombstone.user is None else quoted_user(tombstone.user)
        async for owner, names in self._bodies.keys_of(tombstone.tenant, user):
            if names:
                await self._bodies.destroy(owner, names, partial(self._kept, owner, tombstone))
            count += len(names)
        return count

    async def _kept(self, owner: Owner, tombstone: Tombstone) -> list[str]:
        kept = []
        for prefix, kind in ((TURNS_PREFIX, ArchivedTurn), (FEEDBACK_PREFIX, ArchivedFeedback)):
            async for key in self._objects.keys(f"{prefix}{owner.tenant}/{owner.user}/"):
                body = await self._bodies.outline(key)
                if body and kind.model_validate_json(body).asked_at > tombstone.until:
                    kept.append(key)
        return kept

    async def write_feedback(self, feedback: ArchivedFeedback) -> None:
        body = feedback.model_dump_json().encode()
        await self._bodies.put_new(feedback.key, body, _feedback_outline)

    async def discard_feedback(self, feedback: ArchivedFeedback) -> None:
        await self._objects.remove([feedback.key])

    async def feedback(self, turn: ArchivedTurn) -> list[ArchivedFeedback]:
        keys = [key async for key in self._objects.keys(feedback_prefix(turn))]
        bodies = [await self._bodies.read(key) for key in keys]
        return [ArchivedFeedback.model_validate_json(body) for body in bodies if body]

    async def write_document_event(self, event: DocumentEvent) -> None:
        await self._objects.put_new(event.key, event.model_dump_json().encode())

    async def bury(self, deleted: DeletedDocument) -> None:
        await self._objects.put_empty([deleted.key])

    async def deleted(self, tenant: str, documents: Iterable[str]) -> dict[str, int]:
        """One call tells of all documents, unless very many were deleted of late."""
        prefixes = {deleted_prefix(tenant, one): one for one in documents}
        if not prefixes:
            return {}
        prefix = all_deleted_prefix(tenant)
        keys, are_all = await self._objects.first_keys(prefix, self._marks_at_once)
        if not are_all:
            keys = [key for one in prefixes async for key in self._objects.keys(one)]
        # The last one of a document has its highest ordinal.
        marks = {f"{key.rpartition('/')[0]}/": DeletedDocument.ordinal_of(key) for key in keys}
        return {one: marks[prefix] for prefix, one in prefixes.items() if prefix in marks}

    async def quoting(self, tenant: str, document_id: str) -> AsyncIterator[str]:
        async for key in self._objects.keys(by_document_prefix(tenant, document_id)):
            yield ArchivedTurn.quoting_key(key)

    async def cut(self, key: str, document_id: str, ordinal: int) -> ArchivedTurn | None:
        seen: ArchivedTurn | None = None

        def without(body: bytes) -> bytes:
            nonlocal seen
            turn = ArchivedTurn.model_validate_json(body)
            seen = turn.without(document_id, ordinal)
            return body if seen == turn else seen.model_dump_json().encode()

        await self._bodies.change(key, without, _turn_outline)
        cut: ArchivedTurn | None = seen
        if cut is not None and cut.is_cut:
            await self._without_quotations(cut)
        return cut

    async def unlink(self, key: str, document_id: str) -> None:
        turn = await self.read(key)
        if turn is not None and document_id not in turn.documents:
            await self._objects.remove([turn.document_key(document_id)])

    async def _without_quotations(self, turn: ArchivedTurn) -> None:
        async for key in self._objects.keys(feedback_prefix(turn)):
            await self._bodies.change(key, _cut_feedback, _feedback_outline)

    async def cut_feedback(self, feedback: ArchivedFeedback) -> None:
        await self._bodies.change(feedback.key, _cut_feedback, _feedback_outline)


def _turn_outline(body: bytes) -> bytes:
    return ArchivedTurn.model_validate_json(body).outline.model_dump_json().encode()


def _feedback_outline(body: bytes) -> bytes:
    return ArchivedFeedback.model_validate_json(body).outline.model_dump_json().encode()


def _cut_feedback(body: bytes) -> bytes:
    feedback = ArchivedFeedback.model_validate_json(body)
    return feedback.without_quotations().model_dump_json().encode()
