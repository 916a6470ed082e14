"""ModelUsed for ingestion: documents in work at the same time share one event a user."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal

from contracts.envelope import Context
from contracts.platform.usage import ModelUsedV2, Purpose
from shared.errors import Unavailable
from shared.ports import ModelReport, Publisher

# A small document is one call: an event for each would cost more than the call (docs/adr/0002).
GATHER_S = 0.5
_PAUSES_S = (1.0, 2.0, 4.0, 8.0)
_Key = tuple[str, str | None, str, Purpose]


@dataclass
class _Sum:
    """What several documents consumed; `told` ends when the event is confirmed."""

    context: Context
    reports: list[tuple[str | None, ModelReport]]
    told: asyncio.Task[None]


@dataclass
class Meter:
    """Reports are summed by tenant, user, model and purpose for a moment, then published."""

    publisher: Publisher
    _open: dict[_Key, _Sum] = field(default_factory=dict)

    async def __call__(
        self,
        context: Context,
        document_id: str | None,
        report: ModelReport,
        purpose: Purpose = "embed_passages",
    ) -> None:
        """Returns when the event that holds this report is confirmed. Raises Unavailable.

        `document_id` is None for a call that several documents shared.
        """
        key = (context.tenant, context.principal, report.model, purpose)
        if key not in self._open:
            task = asyncio.create_task(self._tell(key))
            self._open[key] = _Sum(context, [], task)
        gathered = self._open[key]
        gathered.reports.append((document_id, report))
        # Whoever is cancelled leaves the others' event alone.
        await asyncio.shield(gathered.told)

    async def _tell(self, key: _Key) -> None:
        await asyncio.sleep(GATHER_S)
        gathered = self._open.pop(key)
        used = summed(gathered.reports, key[-1])
        for pause in (*_PAUSES_S, None):
            try:
                await self.publisher.publish_now("usage", used, gathered.context)
            except Unavailable:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                return


def summed(reports: list[tuple[str | None, ModelReport]], purpose: Purpose) -> ModelUsedV2:
    """One event for all; it names the document when there is only one."""
    documents = {document_id for document_id, _ in reports}
    return ModelUsedV2(
        service="ingestion",
        purpose=purpose,
        model=reports[0][1].model,
        calls=sum(report.calls for _, report in reports),
        input_tokens=sum(report.input_tokens for _, report in reports),
        output_tokens=sum(report.output_tokens for _, report in reports),
        cost_usd=sum((report.cost_usd for _, report in reports), Decimal(0)),
        document_id=documents.pop() if len(documents) == 1 else None,
    )
