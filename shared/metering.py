"""Every model call ends as one ModelUsed event, whoever waits for it and however SNS fares."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from contracts.envelope import Context, new_id
from contracts.platform.usage import ModelUsedV2, Purpose
from shared.delivery import Delivery, Event
from shared.observability import metric
from shared.ports import ModelReport, Publisher

logger = logging.getLogger(__name__)
TOPIC = "usage"
# After a worker's drain (25 s), before the end of its platform's grace (30 s).
DRAIN_S = 3.0


class Reported(Protocol):
    """An answer of a model with what it consumed."""

    @property
    def report(self) -> ModelReport: ...


R = TypeVar("R", bound=Reported)
_Key = tuple[str, str | None, str, Purpose, str | None, bool, str | None]


@dataclass(frozen=True)
class Call:
    """What a model call was for; `document_id` or `turn_id` say for which one, if for one alone.

    A call with an `event_id` has an event of its own, under this id.
    """

    purpose: Purpose
    context: Context
    turn_id: str | None = None
    document_id: str | None = None
    # The stream was closed early, so the model's own count never came.
    estimated: bool = False
    event_id: str | None = None
    # The side of an experiment that the turn is on.
    arm: str | None = None


@dataclass
class _Sum:
    """Reports that share an event; `told` ends when it is confirmed."""

    reports: list[tuple[Call, ModelReport]]
    told: asyncio.Task[None]


class Metering:
    """One a process. The event's id is made once and sent again until SNS has confirmed it.

    With `gather_s` the calls of that time for one user, model and purpose share an event: a small
    document is one call, and an event for each would cost more than the call (docs/adr/0002).
    """

    def __init__(
        self,
        service: str,
        publisher: Publisher,
        *,
        gather_s: float = 0.0,
        delivery: Delivery | None = None,
    ) -> None:
        self._service, self._gather_s = service, gather_s
        self._delivery = delivery or Delivery(publisher)
        self._open: dict[_Key, _Sum] = {}
        self._calls: set[asyncio.Task[Any]] = set()
        self._draining = asyncio.Event()

    def record(self, call: Call, report: ModelReport) -> "asyncio.Future[None]":
        """Returns at once. The future ends when the event that holds the report is confirmed.

        Whoever waits for it and is cancelled takes nothing along.
        """
        for kind, tokens in (("input", report.input_tokens), ("output", report.output_tokens)):
            metric("Tokens", tokens, model=report.model, purpose=call.purpose, kind=kind)
        context = call.context
        key = (
            context.tenant,
            context.principal,
            report.model,
            call.purpose,
            call.turn_id,
            call.estimated,
            call.event_id,
        )
        if key not in self._open:
            self._open[key] = _Sum([], asyncio.create_task(self._tell(key)))
            self._hold(self._open[key].told)
        gathered = self._open[key]
        gathered.reports.append((call, report))
        waiting = asyncio.shield(gathered.told)
        waiting.add_done_callback(_heard)
        return waiting

    async def charge(self, call: Call, work: Coroutine[Any, Any, R]) -> R:
        """The model's answer, recorded. Who is cancelled leaves the call running: it is billed."""
        return await asyncio.shield(self.charging(call, work))

    def charging(self, call: Call, work: Coroutine[Any, Any, R]) -> "asyncio.Task[R]":
        """The same as a task that nobody has to wait for."""
        task = asyncio.create_task(self._charged(call, work))
        self._hold(task)
        return task

    async def drain(self, within_s: float = DRAIN_S) -> None:
        """Waits for calls and events on their way; what is not confirmed in time is logged whole.

        The log line holds ids and counts only, so the usage can be added by hand. Calls that have
        not ended by then are only counted: nobody knows yet what they consume.
        """
        self._draining.set()
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while self._calls and loop.time() < end:
            await asyncio.wait(list(self._calls), timeout=end - loop.time())
        for event in await self._delivery.drain(max(0.0, end - loop.time())):
            _log(event)
        if self._calls:
            fields = {"calls": len(self._calls)}
            logger.error("model_calls_not_metered", extra={"fields": fields})

    async def _charged(self, call: Call, work: Coroutine[Any, Any, R]) -> R:
        answer = await work
        self.record(call, answer.report)
        return answer

    async def _tell(self, key: _Key) -> None:
        if self._gather_s:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._gather_s):
                    await self._draining.wait()
        gathered = self._open.pop(key)
        context = gathered.reports[0][0].context
        # Where nobody waits for the event, it may wait for others.
        batched = not self._gather_s
        event_id = gathered.reports[0][0].event_id or new_id()
        event = Event(TOPIC, self._summed(gathered), context, event_id, batched)
        try:
            await asyncio.shield(self._delivery.start(event))
        except Exception:
            _log(event)
            raise

    def _summed(self, gathered: _Sum) -> ModelUsedV2:
        """One event for all; it names the document when there is only one."""
        calls, reports = zip(*gathered.reports, strict=True)
        documents = {call.document_id for call in calls}
        document_id = documents.pop() if len(documents) == 1 else None
        return used(self._service, calls[0], reports).model_copy(
            update={"document_id": document_id}
        )

    def _hold(self, task: "asyncio.Task[Any]") -> None:
        self._calls.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._calls.discard(task)
        _heard(task)


def used(service: str, call: Call, reports: Sequence[ModelReport]) -> ModelUsedV2:
    """The event of calls of one model, made for the same purpose."""
    return ModelUsedV2(
        service=service,
        purpose=call.purpose,
        model=reports[0].model,
        calls=sum(report.calls for report in reports),
        input_tokens=sum(report.input_tokens for report in reports),
        output_tokens=sum(report.output_tokens for report in reports),
        cache_read_tokens=sum(report.cache_read_tokens for report in reports),
        cache_write_tokens=sum(report.cache_write_tokens for report in reports),
        cost_usd=sum((report.cost_usd for report in reports), Decimal(0)),
        estimated=call.estimated,
        turn_id=call.turn_id,
        document_id=call.document_id,
        arm=call.arm,
    )


def _heard(ended: "asyncio.Future[Any]") -> None:
    """Whoever waited has its error; else nobody needs to hear of it."""
    if not ended.cancelled():
        ended.exception()


def _log(event: Event) -> None:
    """The delivery may carry other events too, whose words are not for the log."""
    fields: dict[str, object] = {"event_id": event.id, "type": event.message.message_type}
    if isinstance(event.message, ModelUsedV2):
        fields |= {
            "principal": event.context.principal,
            "tenant": event.context.tenant,
            "usage": event.message.model_dump(mode="json"),
        }
    logger.error("usage_not_confirmed", extra={"fields": fields})


@dataclass
class Bill:
    """What the model calls of one request consume together; each is metered by `metering`.

    `calls` are this service's own, with the ids of their events; `included_tokens` and
    `included_usd` are what others consumed and meter themselves.
    """

    metering: Metering
    context: Context
    turn_id: str | None = None
    arm: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = field(default_factory=Decimal)
    calls: list[tuple[Call, ModelReport]] = field(default_factory=list)
    included_tokens: int = 0
    included_usd: Decimal = field(default_factory=Decimal)

    def add(self, purpose: Purpose, report: ModelReport, *, estimated: bool = False) -> None:
        """Adds a call that has ended, and records it."""
        call = replace(self._call(purpose), estimated=estimated)
        self.metering.record(call, report)
        self._sum(call, report)

    async def charge(self, purpose: Purpose, work: Coroutine[Any, Any, R]) -> R:
        """The model's answer. A call that outlives this request is metered, but not on the bill."""
        call = self._call(purpose)
        answer = await self.metering.charge(call, work)
        self._sum(call, answer.report)
        return answer

    def include(self, input_tokens: int, cost_usd: Decimal) -> None:
        """Adds what another service consumed for this request and metered itself."""
        self.input_tokens += input_tokens
        self.cost_usd += cost_usd
        self.included_tokens += input_tokens
        self.included_usd += cost_usd

    def _call(self, purpose: Purpose) -> Call:
        return Call(purpose, self.context, self.turn_id, event_id=new_id(), arm=self.arm)

    def _sum(self, call: Call, report: ModelReport) -> None:
        self.calls.append((call, report))
        self.input_tokens += report.input_tokens
        self.output_tokens += report.output_tokens
        self.cost_usd += report.cost_usd
