"""Turns: archive a completed one and its feedback, erase those of a user, end a tenant."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.erasures import TenantDeletedV1, UserErasedV1
from contracts.gateway.turns import FeedbackGivenV1, TurnCompletedV2
from services.finetune_export.models.archived_feedback import ArchivedFeedback
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.services.archiving import Archiving, Erasing
from services.finetune_export.services.tenants import DeletedTenants
from shared.outcomes import Done, Outcome, Reject


@dataclass(frozen=True)
class TurnsController:
    archiving: Archiving
    erasing: Erasing
    tenants: DeletedTenants

    async def completed(self, message: TurnCompletedV2, context: Context) -> Outcome:
        if context.principal is None:
            return Reject("a turn belongs to a user: the envelope has no principal")
        turn = ArchivedTurn(
            tenant=context.tenant,
            user=context.principal,
            correlation_id=context.correlation_id,
            message_id=context.causation_id or "",
            conversation_id=message.conversation_id,
            turn_id=message.turn_id,
            completed_at=message.completed_at,
            body=message.model_dump(mode="json"),
        )
        await self.archiving.archive_turn(turn)
        return Done()

    async def feedback_given(self, message: FeedbackGivenV1, context: Context) -> Outcome:
        if context.principal is None:
            return Reject("feedback belongs to a user: the envelope has no principal")
        feedback = ArchivedFeedback(
            tenant=context.tenant,
            user=context.principal,
            event_id=context.causation_id or "",
            **message.model_dump(include=_GIVEN),
        )
        await self.archiving.archive_feedback(feedback)
        return Done()

    async def user_erased(self, message: UserErasedV1, context: Context) -> Outcome:
        await self.erasing.erase(message, context)
        return Done()

    async def tenant_deleted(self, message: TenantDeletedV1, context: Context) -> Outcome:
        await self.tenants.delete(message, context)
        return Done()


_GIVEN = set(ArchivedFeedback.model_fields) - {"tenant", "user", "event_id", "corrected_by"}
