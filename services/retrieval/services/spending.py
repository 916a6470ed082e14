"""Every model call ends as one ModelUsed, also a call that nobody waits for any more."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from contracts.envelope import Context, derived_id
from contracts.platform.usage import ModelUsedV2, Purpose
from shared.ports import ModelReport, Publisher


class Reported(Protocol):
    """An answer of a model with what it consumed."""

    @property
    def report(self) -> ModelReport: ...


R = TypeVar("R", bound=Reported)


@dataclass(frozen=True, slots=True)
class Total:
    """What a request's model calls consumed together."""

    input_tokens: int
    cost_usd: Decimal


@dataclass
class Meter:
    """One a process; holds the calls that outlive their request."""

    publisher: Publisher
    running: set["asyncio.Task[None]"] = field(default_factory=set)

    async def drain(self) -> None:
        """Returns when every call begun has ended and is published."""
        await asyncio.gather(*self.running)


@dataclass
class Bill:
    """The model calls of one request: (call, its publishing) in the order they began."""

    meter: Meter
    context: Context
    turn_id: str | None = None
    _charges: list[tuple["asyncio.Task[Any]", "asyncio.Task[None]"]] = field(default_factory=list)

    async def charge(self, purpose: Purpose, call: Coroutine[Any, Any, R]) -> R:
        """The call's answer. Cancelling this leaves the call running, since it will be charged."""
        task = asyncio.create_task(call)
        publishing = asyncio.create_task(self._publish_after(task, purpose))
        self.meter.running.add(publishing)
        publishing.add_done_callback(self.meter.running.discard)
        self._charges.append((task, publishing))
        return await asyncio.shield(task)

    async def settle(self) -> Total:
        """Waits until the calls that have ended are published; calls still running are left out."""
        ended = [(call, publishing) for call, publishing in self._charges if call.done()]
        await asyncio.gather(*(publishing for _, publishing in ended))
        reports = [call.result().report for call, _ in ended if call.exception() is None]
        return Total(
            sum(report.input_tokens for report in reports),
            sum((report.cost_usd for report in reports), Decimal(0)),
        )

    async def _publish_after(self, call: "asyncio.Task[Any]", purpose: Purpose) -> None:
        await asyncio.wait({call})
        if call.exception() is not None:
            return
        # The same request handled twice is published once: its id comes from the request's.
        await self.meter.publisher.publish_now(
            "usage",
            used(call.result().report, purpose, self.turn_id),
            self.context,
            id=derived_id(self.context.causation_id, "ModelUsed", purpose),
        )


def used(report: ModelReport, purpose: Purpose, turn_id: str | None = None) -> ModelUsedV2:
    """What a model reports, as the event that meters it."""
    return ModelUsedV2(
        service="retrieval",
        purpose=purpose,
        model=report.model,
        calls=report.calls,
        input_tokens=report.input_tokens,
        output_tokens=report.output_tokens,
        cost_usd=report.cost_usd,
        turn_id=turn_id,
    )
