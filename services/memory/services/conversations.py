"""A user's conversations: listed, searched, opened, renamed, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.memory.models.turn import Conversation, ConversationKey, Turn
from services.memory.services.ports import Removed, TurnStore
from shared.ports import Clock

_TURNS_READ = 1_000
_TITLE_MAX = 80


@dataclass(frozen=True)
class Opened:
    """`turns` oldest first."""

    title: str
    turns: list[Turn]


@dataclass(frozen=True)
class Page:
    """`next` is the last one's place when there are more."""

    conversations: list[Conversation]
    next: str | None


@dataclass(frozen=True)
class Conversations:
    """Every method raises Unavailable."""

    store: TurnStore
    clock: Clock

    async def list(
        self, tenant: str, user: str, limit: int, query: str | None, after: str | None
    ) -> Page:
        """Newest first, drawn from the user's last 1,000 turns.

        With `query`, those whose title or questions hold all of its words, in any case.
        """
        now = self.clock.now()
        turns = await self.store.of_user(tenant, user, _TURNS_READ, now)
        titles = await self.store.titles(tenant, user, now)
        words = (query or "").casefold().split()
        found = [one for one in outlines(turns, titles, words) if _is_after(one, after)]
        shown = found[:limit]
        return Page(shown, _place(shown[-1]) if len(found) > limit else None)

    async def open(self, key: ConversationKey, limit: int) -> Opened | None:
        """None when the user has no such conversation."""
        turns = await self.store.recent(key, limit, self.clock.now())
        if not turns:
            return None
        title = await self.store.title(key)
        return Opened(title or _title(turns[-1]), turns[::-1])

    async def turn(self, tenant: str, user: str, turn_id: str) -> Turn | None:
        """None when the user has no such turn."""
        return await self.store.turn(tenant, user, turn_id, self.clock.now())

    async def rename(self, key: ConversationKey, title: str) -> bool:
        """False when the user has no such conversation."""
        now = self.clock.now()
        if not await self.store.recent(key, 1, now):
            return False
        await self.store.rename(key, title, now)
        return True

    async def delete(self, key: ConversationKey, until: datetime) -> Removed:
        """Turns that were asked up to `until` are kept out when their event comes late."""
        return await self.store.bury(key, until, self.clock.now())


def outlines(
    newest_first: Sequence[Turn], titles: dict[str, str], words: Sequence[str] = ()
) -> list[Conversation]:
    """Newest first; only those that hold all `words`, given in casefolded form."""
    grouped: dict[str, list[Turn]] = {}
    for turn in newest_first:
        grouped.setdefault(turn.key.conversation_id, []).append(turn)
    found = []
    for conversation_id, turns in grouped.items():
        title = titles.get(conversation_id) or _title(turns[-1])
        said = "\n".join([title, *(turn.question for turn in turns)]).casefold()
        if all(word in said for word in words):
            found.append(
                Conversation(
                    conversation_id=conversation_id,
                    title=title,
                    turns=len(turns),
                    last_at=turns[0].completed_at,
                )
            )
    return found


def _title(first: Turn) -> str:
    return " ".join(first.question.split())[:_TITLE_MAX]


def _place(one: Conversation) -> str:
    return f"{one.last_at.isoformat()} {one.conversation_id}"


def _is_after(one: Conversation, after: str | None) -> bool:
    """Newest first, so what comes after was earlier. A page's end is a place, not a number."""
    return after is None or _place(one) < after
