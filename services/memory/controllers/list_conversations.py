"""ListConversations: answer with the user's recent ones."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.memory.queries import ConversationsListedV1, ConversationSummary, ListConversationsV1
from services.memory.services.outline import Outline
from shared.outcomes import Done, Outcome, Reject


@dataclass(frozen=True)
class ListConversations:
    outline: Outline

    async def __call__(self, message: ListConversationsV1, context: Context) -> Outcome:
        if context.principal is None:
            return Reject("a conversation belongs to a user: the envelope has no principal")
        found = await self.outline(context.tenant, context.principal, message.limit)
        summaries = (ConversationSummary(**one.model_dump()) for one in found)
        return Done(ConversationsListedV1(conversations=tuple(summaries)))
