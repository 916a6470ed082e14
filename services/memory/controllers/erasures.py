"""What must not be remembered: a deleted document's words, an erased user, a deleted tenant."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.erasures import TenantDeletedV1, UserErasedV1
from contracts.ingestion.events import DocumentDeletedV1
from services.memory.services.remembering import Remembering
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class ErasuresController:
    remembering: Remembering

    async def document_deleted(self, message: DocumentDeletedV1, context: Context) -> Outcome:
        await self.remembering.forget_document(message, context)
        return Done()

    async def user_erased(self, message: UserErasedV1, context: Context) -> Outcome:
        await self.remembering.erase(message, context)
        return Done()

    async def tenant_deleted(self, message: TenantDeletedV1, context: Context) -> Outcome:
        await self.remembering.erase_tenant(message, context)
        return Done()
