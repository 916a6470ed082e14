"""A finished turn's record: to the topic turns for good, to the session for the next question."""

import asyncio
import logging
from dataclasses import dataclass

from contracts.envelope import Context, derived_id
from contracts.gateway.turns import TurnCompletedV1
from services.gateway.models.session import SessionTurn
from services.gateway.services.background import Background
from services.gateway.services.ports import Sessions
from shared.errors import Unavailable
from shared.ports import Publisher

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    publisher: Publisher
    sessions: Sessions
    background: Background

    async def record(self, turn: TurnCompletedV1, user: str, context: Context) -> None:
        """Returns when the topic has confirmed the turn and the session is saved.

        A client that goes meanwhile does not stop it. Raises Unavailable when the topic does not
        confirm; a session that cannot be saved only costs the next follow-up its subject.
        """
        await asyncio.shield(self.background.start(self._record(turn, user, context)))

    async def _record(self, turn: TurnCompletedV1, user: str, context: Context) -> None:
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
