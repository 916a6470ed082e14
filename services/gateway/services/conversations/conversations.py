"""A user's conversations: memory's list and turns, with what it has not heard of yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from contracts.envelope import Context
from contracts.memory.queries import (
    ConversationAnsweredV1,
    ConversationDeletedV1,
    ConversationRequestedV1,
    ConversationsListedV1,
    ConversationSummary,
    DeleteConversationV1,
    KeptSource,
    KeptTurn,
    ListConversationsV1,
    RenameConversationV1,
    TurnAnsweredV1,
    TurnRequestedV1,
)
from contracts.message import Message
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import NotFound
from services.gateway.models.session import SessionTurn
from services.gateway.services.ports import Sessions
from shared.errors import RequestRefused
from shared.ports import Clock, Requester

_QUEUE = "memory-queries"
_TURNS = 500
_TITLE_MAX = 80
M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Conversations:
    """All raise DeadlineMissed, Unavailable or RequestRefused.

    NotFound is the same for a conversation that is unknown, another user's or another tenant's:
    the user is part of every key.
    """

    requester: Requester
    sessions: Sessions
    clock: Clock
    budget_ms: int

    async def list(
        self, who: Principal, limit: int, query: str | None, after: str | None
    ) -> ConversationsListedV1:
        """Newest first. The first page begins with those that memory has not heard of yet."""
        request = ListConversationsV1(limit=limit, query=query, after=after)
        listed = await self._ask(who, request, ConversationsListedV1)
        if after is not None:
            return listed
        recent = (await self.sessions.load(who.tenant, who.user, "")).recent
        known = {one.conversation_id for one in listed.conversations}
        newest = listed.conversations[0].last_at if listed.conversations else None
        unknown = [
            turn
            for turn in recent
            if turn.conversation_id not in known and (newest is None or turn.completed_at > newest)
        ]
        new = _outlines(unknown, (query or "").casefold().split())
        return listed.model_copy(update={"conversations": (*new, *listed.conversations)})

    async def open(self, who: Principal, conversation_id: str) -> ConversationAnsweredV1:
        session = await self.sessions.load(who.tenant, who.user, conversation_id)
        request = ConversationRequestedV1(conversation_id=conversation_id, limit=_TURNS)
        try:
            found = await self._ask(who, request, ConversationAnsweredV1)
        except RequestRefused as error:
            if error.code != "not_found":
                raise
            if not session.turns:
                raise _unknown() from None
            title = _title(session.turns[0])
            found = ConversationAnsweredV1(conversation_id=conversation_id, title=title, turns=())
        known = {turn.turn_id for turn in found.turns}
        last = found.turns[-1].completed_at if found.turns else None
        new = [
            _kept(turn)
            for turn in session.turns
            if turn.turn_id not in known and (last is None or turn.completed_at > last)
        ]
        return found.model_copy(update={"turns": (*found.turns, *new)})

    async def place(self, who: Principal, turn_id: str) -> tuple[str, datetime]:
        """A turn's conversation, and when it was asked. Memory may not have heard of it yet."""
        for turn in (await self.sessions.load(who.tenant, who.user, "")).recent:
            if turn.turn_id == turn_id:
                return turn.conversation_id or "", turn.asked_at
        try:
            found = await self._ask(who, TurnRequestedV1(turn_id=turn_id), TurnAnsweredV1)
        except RequestRefused as error:
            if error.code == "not_found":
                raise NotFound("There is no such turn of yours in the last seven days.") from None
            raise
        return found.conversation_id, found.turn.asked_at or found.turn.completed_at

    async def rename(self, who: Principal, conversation_id: str, title: str) -> None:
        request = RenameConversationV1(conversation_id=conversation_id, title=title)
        try:
            await self._ask(who, request, ConversationAnsweredV1)
        except RequestRefused as error:
            if error.code == "not_found":
                raise _unknown() from None
            raise

    async def delete(self, who: Principal, conversation_id: str) -> dict[str, int]:
        """What was removed, by place: turns of the session, entries of the memory."""
        now = self.clock.now()
        request = DeleteConversationV1(conversation_id=conversation_id, asked_until=now)
        answered = await self._ask(who, request, ConversationDeletedV1)
        session = await self.sessions.forget(who.tenant, who.user, conversation_id, now)
        removed = {"session": session, "memory": sum(answered.removed.values())}
        if not any(removed.values()):
            raise _unknown()
        return removed

    async def _ask(self, who: Principal, request: Message, reply: type[M]) -> M:
        context = Context(tenant=who.tenant, principal=who.user)
        return await self.requester.ask(_QUEUE, request, reply, context, self.budget_ms)


def _unknown() -> NotFound:
    return NotFound("There is no such conversation.")


def _outlines(turns: Sequence[SessionTurn], words: Sequence[str]) -> list[ConversationSummary]:
    """Of conversations that are a moment old, newest first."""
    grouped: dict[str, list[SessionTurn]] = {}
    for turn in reversed(turns):
        grouped.setdefault(turn.conversation_id or "", []).append(turn)
    return [
        ConversationSummary(
            conversation_id=conversation_id,
            title=_title(said[-1]),
            turns=len(said),
            last_at=said[0].completed_at,
        )
        for conversation_id, said in grouped.items()
        if all(any(word in turn.question.casefold() for turn in said) for word in words)
    ]


def _title(first: SessionTurn) -> str:
    return " ".join(first.question.split())[:_TITLE_MAX]


def _kept(turn: SessionTurn) -> KeptTurn:
    sources = tuple(KeptSource(**source.model_dump()) for source in turn.sources)
    return KeptTurn(**turn.model_dump(include=_KEPT) | {"sources": sources})


_KEPT = set(KeptTurn.model_fields)
