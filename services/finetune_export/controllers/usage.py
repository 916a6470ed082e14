"""Usage: archive a model call and a tenant's settings, hand the archive out."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.finetune_export.usage import (
    ArchivedCall,
    ArchivedTenantsRequestedV1,
    ArchivedTenantsV1,
    ArchivedUsageRequestedV1,
    ArchivedUsageV1,
)
from contracts.gateway.prompts import LabelledPrompt, PromptMovedV1, PromptRegisteredV1
from contracts.platform.usage import ModelUsedV2, TenantChangedV1
from services.finetune_export.models.archived_usage import ArchivedCall as Call
from services.finetune_export.models.archived_usage import ArchivedSettings
from services.finetune_export.services.usage import UsageArchiving, UsageReading
from shared.outcomes import Done, Outcome, Reject


@dataclass(frozen=True)
class UsageController:
    archiving: UsageArchiving
    reading: UsageReading

    async def model_used(self, message: ModelUsedV2, context: Context) -> Outcome:
        if context.sent_at is None or context.causation_id is None:
            return Reject("a model call has an id and a time: it must come over the queue")
        call = Call(
            event_id=context.causation_id,
            tenant=context.tenant,
            user=context.principal,
            at=context.sent_at,
            body=message.model_dump(mode="json"),
        )
        await self.archiving.archive_call(call)
        return Done()

    async def tenant_changed(self, message: TenantChangedV1, context: Context) -> Outcome:
        body = message.model_dump(mode="json")
        settings = ArchivedSettings(tenant=context.tenant, revision=message.revision, body=body)
        await self.archiving.archive_settings(settings)
        return Done()

    async def tenants(self, message: ArchivedTenantsRequestedV1, _context: Context) -> Outcome:
        """Of all tenants: only gateways may send on this queue."""
        found, more = await self.reading.tenants(message.after)
        return Done(ArchivedTenantsV1(tenants=tuple(found), next=more))

    async def page(self, message: ArchivedUsageRequestedV1, context: Context) -> Outcome:
        page = await self.reading.page(context.tenant, message.since, message.after, message.limit)
        calls = tuple(
            ArchivedCall(
                event_id=call.event_id,
                user=call.user,
                at=call.at,
                used=ModelUsedV2.model_validate(call.body),
            )
            for call in page.calls
        )
        settings = page.settings and TenantChangedV1.model_validate(page.settings.body)
        prompts = tuple(
            LabelledPrompt(
                moved=PromptMovedV1.model_validate(move.body),
                registered=PromptRegisteredV1.model_validate(version.body),
            )
            for move, version in page.prompts
        )
        answer = ArchivedUsageV1(calls=calls, settings=settings, prompts=prompts, next=page.next)
        return Done(answer)
