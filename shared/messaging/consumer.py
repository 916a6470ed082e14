"""The consumer: long poll, bounded concurrency, heartbeat, outcomes, drain."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from contracts.envelope import Envelope, wrap
from contracts.platform.replies import RequestFailedV1
from contracts.topology import QUEUES
from shared.errors import Unavailable
from shared.messaging.batch import BATCH_MAX
from shared.messaging.breaker import Breaker, Probe
from shared.messaging.bus import Bus, Parcel
from shared.messaging.dispatch import Dispatcher, Verdict
from shared.messaging.wire import Foreign, Received, attributes
from shared.observability import metric
from shared.outcomes import Done, Handlers, Reject, Retry

logger = logging.getLogger(__name__)
# For queues of events, where nobody waits for the single one.
LINGER_S = 0.4
# Outages burn receives: well before maxReceiveCount the message is sent anew with a fresh count.
RENEW_AT = 10
_POLL_PAUSE_S = 1.0
_MAX_HIDE_S = 900


@dataclass(eq=False, slots=True)
class Flight:
    """A message at work; it is cancelled when its lease is lost."""

    message: Received
    task: asyncio.Task[None]


class Consumer:
    """A Runnable that empties one queue; `concurrency` handlers at most run at once.

    Where nobody waits, `linger_s` lets messages gather after a receive that was not full: one
    receive and one delete then serve several, and a call costs more than a message.

    A receive is never cancelled: the messages that it took would stay hidden until their
    visibility runs out. On stop it finishes, and what was not started becomes visible again.
    """

    def __init__(
        self,
        bus: Bus,
        queue: str,
        handlers: Handlers,
        *,
        concurrency: int = 10,
        foreign: Foreign | None = None,
        probe: Probe | None = None,
        linger_s: float = 0.0,
    ) -> None:
        self._bus, self._queue, self._concurrency = bus, QUEUES[queue], concurrency
        self._linger_s = linger_s
        self._dispatcher = Dispatcher(self._queue.consumer, queue, handlers, bus.redeem, foreign)
        self._breaker = Breaker(queue, probe)
        self._flights: dict[str, Flight] = {}
        self._landed = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        heart = asyncio.create_task(self._beat())
        try:
            while not self._stopping.is_set():
                await self._poll_once()
            await self._drain()
        finally:
            heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heart

    async def _poll_once(self) -> None:
        free = await self._free_slots()
        count = await self._breaker.allowance(free, self._stopping)
        if count == 0:
            return
        try:
            messages = await self._bus.receive(
                self._queue.name, count, self._bus.settings.poll_wait_s
            )
        except Unavailable as error:
            logger.warning("poll_failed", extra={"fields": {"dependency": error.dependency}})
            await asyncio.sleep(_POLL_PAUSE_S)
            return
        if self._stopping.is_set():
            await self._release([message.receipt for message in messages])
            return
        for message in messages:
            self._start(message)
        if 0 < len(messages) < min(count, BATCH_MAX):
            await self._linger()

    async def _linger(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self._linger_s)

    async def _free_slots(self) -> int:
        while (free := self._concurrency - len(self._flights)) <= 0:
            self._landed.clear()
            await self._landed.wait()
        return free

    def _start(self, message: Received) -> None:
        task = asyncio.create_task(self._fly(message))
        self._flights[message.receipt] = Flight(message, task)
        task.add_done_callback(lambda _: self._land(message.receipt))

    def _land(self, receipt: str) -> None:
        self._flights.pop(receipt, None)
        self._landed.set()

    async def _fly(self, message: Received) -> None:
        verdict = await self._dispatcher.judge(message)
        try:
            await self._settle(message, verdict)
        except Exception:
            # It becomes visible again by itself; its handler is idempotent.
            logger.exception("settle_failed", extra={"fields": {"queue": self._queue.name}})

    # -- what becomes of a message

    async def _settle(self, message: Received, verdict: Verdict) -> None:
        outcome, envelope = verdict.outcome, verdict.envelope
        if isinstance(outcome, Unavailable):
            await self._outage(message, outcome)
            return
        self._breaker.succeeded()
        if isinstance(outcome, Retry):
            seconds = min(_MAX_HIDE_S, max(0, round(outcome.delay_s)))
            await self._bus.hide(self._queue.name, [message.receipt], seconds)
            return
        if isinstance(outcome, Reject):
            event_id = envelope.id if envelope else ""
            await self._bus.bury(self._queue, message, outcome.reason, event_id)
            metric("DeadLettered", 1, queue=self._queue.name)
            outcome = Done(RequestFailedV1(code="rejected", message=outcome.reason))
        if envelope is not None:
            await self._reply(outcome, envelope)
        await self._bus.delete(self._queue.name, message.receipt)

    async def _outage(self, message: Received, error: Unavailable) -> None:
        """Counts for nothing: back into the queue, with a fresh receive count in time."""
        self._breaker.trip(error)
        if message.receive_count < RENEW_AT:
            await self._release([message.receipt])
            return
        parcel = Parcel(message.body, attributes(message.attributes))
        await self._bus.send_parcel(self._queue.name, parcel)
        await self._bus.delete(self._queue.name, message.receipt)

    async def _reply(self, outcome: Done, envelope: Envelope) -> None:
        if outcome.reply is None or envelope.reply_to is None:
            return
        reply = wrap(outcome.reply, envelope.context())
        try:
            await self._bus.send(envelope.reply_to, reply)
        except Exception:
            # The asker is gone with its queue, or its deadline will tell it.
            logger.exception("reply_failed", extra={"fields": {"reply_to": envelope.reply_to}})

    # -- leases

    async def _beat(self) -> None:
        """Renews every lease in flight; who has lost it must not go on working."""
        lease_s = self._queue.visibility_s
        while True:
            await asyncio.sleep(lease_s / 3)
            flights = list(self._flights.values())
            if not flights:
                continue
            receipts = [flight.message.receipt for flight in flights]
            try:
                kept = await self._bus.hide(self._queue.name, receipts, lease_s)
            except Unavailable as error:
                logger.warning("heartbeat_failed", extra={"fields": {"error": str(error)}})
                continue
            for flight, held in zip(flights, kept, strict=True):
                if not held and not flight.task.done():
                    metric("LeaseLost", 1, queue=self._queue.name)
                    flight.task.cancel()

    async def _release(self, receipts: list[str]) -> None:
        if receipts:
            await self._bus.hide(self._queue.name, receipts, 0)

    async def _drain(self) -> None:
        tasks = [flight.task for flight in self._flights.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self._bus.settings.drain_s)
        receipts = [f.message.receipt for f in list(self._flights.values()) if f.task in late]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self._release(receipts)
