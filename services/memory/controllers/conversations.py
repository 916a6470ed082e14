"""Conversations of a user: list, open, rename, delete."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.memory.queries import (
    ConversationAnsweredV1,
    ConversationDeletedV1,
    ConversationRequestedV1,
    ConversationsListedV1,
    ConversationSummary,
    DeleteConversationV1,
    KeptTurn,
    ListConversationsV1,
    RenameConversationV1,
    TurnAnsweredV1,
    TurnRequestedV1,
)
from contracts.platform.replies import RequestFailedV1
from services.memory.controllers.turns import NO_PRINCIPAL, key_of
from services.memory.services.conversations import Conversations
from shared.outcomes import Done, Outcome

# The same for an unknown one and for another user's.
_NOT_FOUND = Done(RequestFailedV1(code="not_found", message="There is no such conversation."))


@dataclass(frozen=True)
class ConversationsController:
    conversations: Conversations

    async def listed(self, message: ListConversationsV1, context: Context) -> Outcome:
        if context.principal is None:
            return NO_PRINCIPAL
        page = await self.conversations.list(
            context.tenant, context.principal, message.limit, message.query, message.after
        )
        summaries = (ConversationSummary(**one.model_dump()) for one in page.conversations)
        return Done(ConversationsListedV1(conversations=tuple(summaries), next=page.next))

    async def opened(self, message: ConversationRequestedV1, context: Context) -> Outcome:
        if context.principal is None:
            return NO_PRINCIPAL
        key = key_of(context, context.principal, message.conversation_id)
        found = await self.conversations.open(key, message.limit)
        if found is None:
            return _NOT_FOUND
        turns = tuple(KeptTurn(**turn.model_dump(include=_KEPT)) for turn in found.turns)
        answer = ConversationAnsweredV1(
            conversation_id=message.conversation_id, title=found.title, turns=turns
        )
        return Done(answer)

    async def turn(self, message: TurnRequestedV1, context: Context) -> Outcome:
        if context.principal is None:
            return NO_PRINCIPAL
        found = await self.conversations.turn(context.tenant, context.principal, message.turn_id)
        if found is None:
            return Done(RequestFailedV1(code="not_found", message="There is no such turn."))
        kept = KeptTurn(**found.model_dump(include=_KEPT))
        return Done(TurnAnsweredV1(conversation_id=found.key.conversation_id, turn=kept))

    async def renamed(self, message: RenameConversationV1, context: Context) -> Outcome:
        if context.principal is None:
            return NO_PRINCIPAL
        key = key_of(context, context.principal, message.conversation_id)
        if not await self.conversations.rename(key, message.title):
            return _NOT_FOUND
        answer = ConversationAnsweredV1(
            conversation_id=message.conversation_id, title=message.title, turns=()
        )
        return Done(answer)

    async def deleted(self, message: DeleteConversationV1, context: Context) -> Outcome:
        if context.principal is None:
            return NO_PRINCIPAL
        key = key_of(context, context.principal, message.conversation_id)
        removed = await self.conversations.delete(key, message.asked_until)
        answer = ConversationDeletedV1(conversation_id=message.conversation_id, removed=removed)
        return Done(answer)


_KEPT = set(KeptTurn.model_fields)
