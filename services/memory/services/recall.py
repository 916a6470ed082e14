"""Chooses the turns that the next prompt should hold."""

from services.memory.models.turn import ConversationKey, Turn
from services.memory.services.turn_store import TurnStore
from shared.ports import Clock

# English and German text runs at about four characters a token; the gateway counts again.
_CHARACTERS_PER_TOKEN = 4


class Recall:
    def __init__(self, store: TurnStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def __call__(self, key: ConversationKey, max_turns: int, max_tokens: int) -> list[Turn]:
        """The newest turns that fit together, oldest first; the newest always, cut if need be."""
        newest_first = await self._store.recent(key, max_turns, self._clock.now())
        return fitting(newest_first, max_tokens)


def fitting(newest_first: list[Turn], max_tokens: int) -> list[Turn]:
    left = max_tokens * _CHARACTERS_PER_TOKEN
    chosen: list[Turn] = []
    for turn in newest_first:
        size = len(turn.question) + len(turn.answer)
        if size > left:
            if not chosen:
                chosen.append(_cut(turn, left))
            break
        chosen.append(turn)
        left -= size
    return chosen[::-1]


def _cut(turn: Turn, size: int) -> Turn:
    question = turn.question[:size]
    return turn.model_copy(
        update={"question": question, "answer": turn.answer[: size - len(question)]}
    )
