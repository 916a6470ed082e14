"""A finished turn's record: to the `turns` topic for good, to the session for the next question."""

import logging
from dataclasses import dataclass

from contracts.envelope import Context, derived_id
from contracts.gateway.turns import TurnCompletedV1
from services.gateway.models.session import Sessions, SessionTurn
from shared.errors import Unavailable
from shared.ports import Publisher

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecordTurn:
    """Raises Unavailable when the topic did not confirm; a lost session only costs a follow-up."""

    publisher: Publisher
    sessions: Sessions

    async def __call__(self, turn: TurnCompletedV1, user: str, context: Context) -> None:
        event_id = derived_id(turn.turn_id, "TurnCompleted")
        await self.publisher.publish_now("turns", turn, context, id=event_id)
        kept = SessionTurn(
            turn_id=turn.turn_id,
            question=turn.question,
            query=turn.query,
            answer=turn.answer,
            completed_at=turn.completed_at,
        )
        try:
            await self.sessions.append(context.tenant, user, turn.conversation_id, kept)
        except Unavailable:
            logger.warning("session_not_saved")
