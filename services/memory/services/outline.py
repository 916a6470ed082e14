"""Lists a user's recent conversations."""

from services.memory.models.turn import Conversation, Turn
from services.memory.services.turn_store import TurnStore
from shared.ports import Clock

_TURNS_READ = 500
_TITLE_MAX = 80


class Outline:
    def __init__(self, store: TurnStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def __call__(self, tenant: str, user: str, limit: int) -> list[Conversation]:
        """Newest first, drawn from the user's last 500 turns."""
        turns = await self._store.of_user(tenant, user, _TURNS_READ, self._clock.now())
        return outlines(turns)[:limit]


def outlines(newest_first: list[Turn]) -> list[Conversation]:
    grouped: dict[str, list[Turn]] = {}
    for turn in newest_first:
        grouped.setdefault(turn.key.conversation_id, []).append(turn)
    return [
        Conversation(
            conversation_id=conversation_id,
            title=turns[-1].question[:_TITLE_MAX],
            turns=len(turns),
            last_at=turns[0].completed_at,
        )
        for conversation_id, turns in grouped.items()
    ]
