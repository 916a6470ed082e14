"""What a user thinks of an answer of his own: found, and published for the archive."""

from dataclasses import dataclass
from typing import Literal

from contracts.envelope import Context
from contracts.gateway.turns import FeedbackGivenV1
from services.gateway.models.principal import Principal
from services.gateway.services.conversations.conversations import Conversations
from shared.ports import Publisher


@dataclass(frozen=True)
class Opinion:
    rating: Literal["up", "down"]
    reasons: tuple[str, ...] = ()
    comment: str | None = None
    corrected_answer: str | None = None


@dataclass(frozen=True)
class Feedback:
    conversations: Conversations
    publisher: Publisher

    async def give(self, who: Principal, turn_id: str, opinion: Opinion) -> None:
        """Returns when it is confirmed.

        Raises NotFound for a turn that is not the user's own or older than memory, and
        DeadlineMissed, RequestRefused or Unavailable.
        """
        conversation_id, asked_at = await self.conversations.place(who, turn_id)
        given = FeedbackGivenV1(
            turn_id=turn_id,
            conversation_id=conversation_id,
            rating=opinion.rating,
            reasons=opinion.reasons,
            comment=opinion.comment,
            corrected_answer=opinion.corrected_answer,
            asked_at=asked_at,
            given_at=self.conversations.clock.now(),
        )
        context = Context(tenant=who.tenant, principal=who.user)
        await self.publisher.publish_now("turns", given, context)
