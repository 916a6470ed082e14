"""Training sets of a tenant, which finetune_export makes from its archive."""

from dataclasses import dataclass
from datetime import datetime

from contracts.envelope import Context
from contracts.finetune_export.exports import (
    ExportAnsweredV1,
    ExportRequestedV1,
    ExportShape,
    ExportsListedV1,
    GetExportV1,
    ListExportsV1,
)
from services.gateway.models.principal import Principal
from shared.ports import Clock, Requester

QUEUE = "finetune-exports"


@dataclass(frozen=True)
class Exports:
    """All raise DeadlineMissed, Unavailable or RequestRefused."""

    requester: Requester
    clock: Clock
    budget_ms: int

    def until_now(self) -> datetime:
        """This minute's beginning: whoever asks twice at once asks for the same set."""
        return self.clock.now().replace(second=0, microsecond=0)

    async def request(self, who: Principal, wanted: ExportRequestedV1) -> ExportShape:
        """Is refused with `invalid_request`, such as for a model that does not take the format."""
        answer = await self.requester.ask(
            QUEUE, wanted, ExportAnsweredV1, _context(who), self.budget_ms
        )
        return answer.export

    async def show(self, who: Principal, export_id: str) -> ExportShape:
        """Is refused with `not_found`."""
        asked = GetExportV1(export_id=export_id)
        answer = await self.requester.ask(
            QUEUE, asked, ExportAnsweredV1, _context(who), self.budget_ms
        )
        return answer.export

    async def list(self, who: Principal) -> tuple[ExportShape, ...]:
        """Newest first."""
        answer = await self.requester.ask(
            QUEUE, ListExportsV1(), ExportsListedV1, _context(who), self.budget_ms
        )
        return answer.exports


def _context(who: Principal) -> Context:
    return Context(tenant=who.tenant, principal=who.user)
