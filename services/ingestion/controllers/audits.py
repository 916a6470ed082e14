"""Audits: pages of the registry and of the objects, and repairs."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.audit import (
    AuditObjectsV1,
    AuditRegistryV1,
    RegistryAuditedV1,
    RemoveOrphanV1,
    RepairDocumentV1,
)
from contracts.platform.replies import RequestFailedV1
from services.ingestion.services.auditing import Auditing
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class AuditsController:
    auditing: Auditing

    async def registry(self, message: AuditRegistryV1, context: Context) -> Outcome:
        found = await self.auditing.page(
            context.tenant, message.after, message.limit, message.document_ids
        )
        more = len(found) == message.limit and not message.document_ids
        last = found[-1].document_id if more else None
        return Done(RegistryAuditedV1(documents=tuple(found), next=last))

    async def objects(self, message: AuditObjectsV1, context: Context) -> Outcome:
        try:
            return Done(
                await self.auditing.objects(
                    context.tenant, message.prefix, message.after, message.unused_s
                )
            )
        except ValueError as error:
            return Done(RequestFailedV1(code="invalid_request", message=str(error)))

    async def repair(self, message: RepairDocumentV1, context: Context) -> Outcome:
        return Done(
            await self.auditing.repair(
                context, message.document_id, message.index_ordinal, tombstone=message.tombstone
            )
        )

    async def remove_orphan(self, message: RemoveOrphanV1, context: Context) -> Outcome:
        try:
            return Done(
                await self.auditing.remove_orphan(context.tenant, message.key, message.unused_s)
            )
        except ValueError as error:
            return Done(RequestFailedV1(code="invalid_request", message=str(error)))
