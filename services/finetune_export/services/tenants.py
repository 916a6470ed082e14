"""The end of a tenant: everything of it goes from the archive."""

from dataclasses import dataclass
from datetime import datetime

from contracts.envelope import Context, derived_id
from contracts.gateway.erasures import ErasureDoneV1, TenantDeletedV1
from services.finetune_export.models.audit import Act
from services.finetune_export.services.auditing import Auditing
from services.finetune_export.services.ports import Tenants
from services.finetune_export.services.training.jobs import TrainingJobs
from shared.late import Remembered
from shared.ports import Publisher


@dataclass(frozen=True)
class DeletedTenants:
    """Every method raises Unavailable."""

    tenants: Tenants
    trainings: TrainingJobs
    audit: Auditing
    publisher: Publisher
    known: Remembered[datetime | None]

    async def delete(self, wanted: TenantDeletedV1, context: Context) -> None:
        """Idempotent. Says how many objects there were, by place.

        While a job that trains still stops, only the first round is answered: the gateway asks
        again, until what the job has written is gone too.
        """
        stopping = await self.trainings.end_tenant(context.tenant)
        removed = await self.tenants.delete(context.tenant, wanted.until, stopping)
        self.known.forget(context.tenant)
        if stopping and wanted.round > 1:
            return
        done = ErasureDoneV1(
            erasure_id=wanted.erasure_id,
            service="finetune_export",
            round=wanted.round,
            removed=removed,
        )
        event_id = derived_id(wanted.erasure_id, wanted.round, done.service)
        act = Act(
            tenant=context.tenant,
            who=None,
            what="tenant_deleted",
            event_id=event_id,
            ids={"erasure": wanted.erasure_id, "round": str(wanted.round)},
            counts=done.removed,
        )
        await self.audit.note(act)
        await self.publisher.publish("erasures", done, context, id=event_id)
