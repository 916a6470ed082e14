"""Reviews: admins look at answers that were not liked, and correct them for training sets."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.envelope import Context
from services.finetune_export.models.archived_feedback import ArchivedFeedback
from services.finetune_export.models.audit import Act
from services.finetune_export.models.review import Review, review_of
from services.finetune_export.services.archiving import Archiving
from services.finetune_export.services.ports import TurnArchive

# Turns with feedback that a page looks at, at most: where nearly all thumbs are up, it is short.
LOOKED_AT = 200


class NotCorrectable(Exception):
    """The answer cannot be corrected; the words say why."""


@dataclass(frozen=True)
class Page:
    """`next` is where the next page begins; None: this is the last one."""

    reviews: list[Review]
    next: str | None


@dataclass(frozen=True)
class Reviewing:
    """Every method raises Unavailable."""

    archiving: Archiving
    looked_at: int = LOOKED_AT

    @property
    def archive(self) -> TurnArchive:
        return self.archiving.archive

    async def newest(self, tenant: str, state: str | None, after: str | None, limit: int) -> Page:
        """By the time of the user's newest feedback, so a correction does not move a review.

        One list of the tenant's feedback is read for each page, and at most `looked_at` turns.
        """
        given = await self._given(tenant)
        waiting = sorted(((at, key) for key, at in given.items() if not after or at < after))[::-1]
        found: list[Review] = []
        looked = 0
        while looked < min(len(waiting), self.looked_at) and len(found) < limit:
            batch = waiting[looked : looked + limit - len(found)]
            seen = await asyncio.gather(*(self._review(key) for _, key in batch))
            found += [one for one in seen if one and state in (None, one.state)]
            looked += len(batch)
        return Page(found, waiting[looked - 1][0] if looked < len(waiting) else None)

    async def show(self, tenant: str, turn_id: str) -> Review | None:
        """None when the tenant has no such turn that was not liked."""
        for key in await self._given(tenant):
            if key.endswith(f"/{turn_id}.json"):
                return await self._review(key)
        return None

    async def correct(self, context: Context, turn_id: str, answer: str) -> Review | None:
        """The correction counts as the user's own would, until the user says something newer.

        None as for `show`. Twice is once. Raises NotCorrectable.
        """
        review = await self.show(context.tenant, turn_id)
        if review is None:
            return None
        if review.turn.cut:
            raise NotCorrectable("a document that the turn quoted was deleted: it trains nothing")
        said, event_id = review.said, context.causation_id or ""
        correction = ArchivedFeedback(
            tenant=context.tenant,
            user=said.user,
            conversation_id=said.conversation_id,
            turn_id=turn_id,
            event_id=event_id,
            asked_at=said.asked_at,
            # By the same kind of clock as the user's feedback, and the same when it comes again.
            given_at=context.occurred_at or self.archiving.clock.now(),
            rating=said.rating,
            reasons=said.reasons,
            corrected_answer=answer,
            corrected_by=context.principal,
        )
        await self.archiving.archive_feedback(correction)
        act = Act(
            tenant=context.tenant,
            who=context.principal,
            what="answer_corrected",
            event_id=event_id,
            ids={"turn": turn_id},
        )
        await self.archiving.audit.note(act)
        return await self._review(correction.turn_key)

    async def _given(self, tenant: str) -> dict[str, str]:
        """The keys of turns, each with the moment of the newest thing that its user said."""
        keys = [key async for key in self.archive.feedback_keys(tenant)]
        return _moments(keys)

    async def _review(self, turn_key: str) -> Review | None:
        turn = await self.archive.read(turn_key)
        return review_of(turn, await self.archive.feedback(turn)) if turn else None


def _moments(keys: Sequence[str]) -> dict[str, str]:
    """Of one turn the oldest key comes first."""
    return {
        ArchivedFeedback.rated_key(key): ArchivedFeedback.moment_of(key)
        for key in keys
        if not ArchivedFeedback.is_correction(key)
    }
