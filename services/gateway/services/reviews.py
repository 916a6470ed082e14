"""Answers that were not liked, for admins: finetune_export knows them, ingestion who may read."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.finetune_export.reviews import (
    CorrectAnswerV1,
    GetReviewV1,
    ListReviewsV1,
    ReviewAnsweredV1,
    ReviewShape,
    ReviewsListedV1,
)
from contracts.message import Message
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import NotPossible
from services.gateway.services.documents.documents import Documents

QUEUE = "finetune-exports"
HIDDEN = (
    "This turn quotes a document that you may not read. Ask somebody who may, or its owner to"
    " share it with you."
)


@dataclass(frozen=True)
class Seen:
    """`hidden`: it quotes a document that the admin may not read. Only what the user said of the
    answer is shown then."""

    review: ReviewShape
    hidden: bool


@dataclass(frozen=True)
class Reviews:
    """All raise DeadlineMissed, Unavailable or RequestRefused, with `not_found` or
    `not_possible`."""

    documents: Documents

    async def newest(
        self, who: Principal, state: str | None, limit: int, after: str | None
    ) -> tuple[list[Seen], str | None]:
        """Newest feedback first, and where the next page begins. A page may be short."""
        asked = ListReviewsV1(state=state, limit=limit, after=after)
        documents = self.documents
        page = await documents.requester.ask(
            QUEUE, asked, ReviewsListedV1, _context(who), documents.budget_ms
        )
        return await self._seen(who, page.reviews), page.next

    async def correct(self, who: Principal, turn_id: str, answer: str) -> Seen:
        """Raises NotPossible for a turn that is hidden from the admin."""
        [before] = await self._seen(who, [await self._one(who, GetReviewV1(turn_id=turn_id))])
        if before.hidden:
            raise NotPossible(HIDDEN)
        correction = CorrectAnswerV1(turn_id=turn_id, corrected_answer=answer)
        return Seen(await self._one(who, correction), hidden=False)

    async def _one(self, who: Principal, asked: Message) -> ReviewShape:
        documents = self.documents
        answer = await documents.requester.ask(
            QUEUE, asked, ReviewAnsweredV1, _context(who), documents.budget_ms
        )
        return answer.review

    async def _seen(self, who: Principal, reviews: Sequence[ReviewShape]) -> list[Seen]:
        quoted = {one for review in reviews for one in review.documents}
        readable = await self.documents.readable(who, quoted)
        return [Seen(one, hidden=not readable.issuperset(one.documents)) for one in reviews]


def _context(who: Principal) -> Context:
    return Context(tenant=who.tenant, principal=who.user)
