"""What memory does with conversations: remember a turn, recall the newest ones, list them."""

from dataclasses import dataclass

from services.memory.models.turn import TEXT_MAX, Conversation, ConversationKey, Turn
from services.memory.services.ports import TurnStore
from shared.ports import Clock
from shared.tokens import cut_to, estimated_tokens

_TURNS_READ = 500
_TITLE_MAX = 80


@dataclass(frozen=True)
class Conversations:
    """Every method raises Unavailable."""

    store: TurnStore
    clock: Clock

    async def remember(self, turn: Turn) -> None:
        """Cuts texts that are longer than an item can hold: the archive keeps them whole."""
        texts = {"question": turn.question[:TEXT_MAX], "answer": turn.answer[:TEXT_MAX]}
        await self.store.put(turn.model_copy(update=texts))

    async def recall(self, key: ConversationKey, max_turns: int, max_tokens: int) -> list[Turn]:
        """The newest turns that fit together, oldest first; the newest always, cut if need be."""
        return fitting(await self.store.recent(key, max_turns, self.clock.now()), max_tokens)

    async def of_user(self, tenant: str, user: str, limit: int) -> list[Conversation]:
        """Newest first, drawn from the user's last 500 turns."""
        turns = await self.store.of_user(tenant, user, _TURNS_READ, self.clock.now())
        return outlines(turns)[:limit]


def fitting(newest_first: list[Turn], max_tokens: int) -> list[Turn]:
    """Oldest first, without a gap; their estimated tokens are at most `max_tokens`."""
    left = max_tokens
    chosen: list[Turn] = []
    for turn in newest_first:
        tokens = estimated_tokens(turn.question) + estimated_tokens(turn.answer)
        if tokens > left:
            if not chosen:
                chosen.append(_cut(turn, left))
            break
        chosen.append(turn)
        left -= tokens
    return chosen[::-1]


def _cut(turn: Turn, tokens: int) -> Turn:
    question = cut_to(turn.question, max(1, tokens))
    answer = cut_to(turn.answer, max(1, tokens - estimated_tokens(question)))
    return turn.model_copy(update={"question": question, "answer": answer})


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
