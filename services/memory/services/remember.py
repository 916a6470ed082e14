"""Keeps a completed turn."""

from services.memory.models.turn import TEXT_MAX, Turn
from services.memory.services.turn_store import TurnStore


class Remember:
    def __init__(self, store: TurnStore) -> None:
        self._store = store

    async def __call__(self, turn: Turn) -> None:
        """Texts longer than an item can hold are cut: memory is context, the archive is whole."""
        await self._store.put(
            turn.model_copy(
                update={"question": turn.question[:TEXT_MAX], "answer": turn.answer[:TEXT_MAX]}
            )
        )
