"""The consumer: long poll, bounded concurrency, heartbeat, outcomes, drain."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.envelope import Envelope, wrap
from contracts.platform.replies import RequestFailedV1
from contracts.topology import QUEUES, Queue
from shared.breaker import OPEN_S, Breaker
from shared.errors import Unavailable, described
from shared.messaging.batch import BATCH_MAX
from shared.messaging.bus import Bus, Parcel
from shared.messaging.dispatch import Dispatcher, Verdict
from shared.messaging.wire import Foreign, Received, attributes
from shared.observability import metric
from shared.outcomes import Done, Handlers, Reject, Retry
from shared.ports import Probe

logger = logging.getLogger(__name__)
# For queues of events, where nobody waits for the single one.
LINGER_S = 0.4
_MAX_HIDE_S = 900


@dataclass(frozen=True)
class Times:
    """Seconds, but for `renew_at`. A test shortens them."""

    breaker_open_s: float = OPEN_S
    poll_pause_s: float = 1.0
    # Before the first retry: between 1 and 5 by default, so that retries spread.
    retry_s: float | None = None
    # Outages burn receives: at this one the message is sent anew with a fresh count, well before
    # the queue's maxReceiveCount.
    renew_at: int = 10


@dataclass(eq=False, slots=True)
class Flight:
    """A message at work; `trial`: it decides whether the breaker closes."""

    message: Received
    task: asyncio.Task[None]
    trial: bool = False


class Consumer:
    """A Runnable that empties one queue; `concurrency` handlers at most run at once.

    Where nobody waits, `linger_s` lets messages gather after a receive that was not full: one
    receive and one delete then serve several, and a call costs more than a message.

    A receive is never cancelled: the messages that it took would stay hidden until their
    visibility runs out. On stop it finishes while the work goes on; what it brings becomes visible
    again, and so does what has not ended `drain_s` after the stop. A process that fits its
    platform's grace needs a poll no longer than its drain.
    """

    def __init__(
        self,
        bus: Bus,
        queue: str | Queue,
        handlers: Handlers,
        *,
        concurrency: int = 10,
        foreign: Foreign | None = None,
        probe: Probe | None = None,
        linger_s: float = 0.0,
        times: Times = Times(),
    ) -> None:
        self._bus, self._concurrency, self._linger_s = bus, concurrency, linger_s
        self._queue = QUEUES[queue] if isinstance(queue, str) else queue
        self._times, self._probe = times, probe
        self._breaker = Breaker(open_s=times.breaker_open_s)
        self._dispatcher = Dispatcher(
            self._queue.consumer,
            self._queue.name,
            handlers,
            bus.redeem,
            foreign,
            self._first_delay,
        )
        self._flights: dict[str, Flight] = {}
        self._changed = asyncio.Event()
        self._stopped_at: float | None = None
        self._polled_at = time.monotonic()

    def stop(self) -> None:
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
        self._changed.set()

    def alive(self) -> bool:
        """False when the loop has not come round for longer than a poll and a pause may take."""
        longest = self._bus.settings.poll_wait_s + 30 + self._times.breaker_open_s
        return bool(self._flights) or time.monotonic() - self._polled_at < longest

    async def run(self) -> None:
        """Raises what broke the heartbeat: without it, leases are lost unseen."""
        heart = asyncio.create_task(self._beat())
        heart.add_done_callback(lambda _: self.stop())
        try:
            while self._stopped_at is None:
                self._polled_at = time.monotonic()
                await self._poll_once()
            await self._drain(self._stopped_at + self._bus.settings.drain_s)
            if heart.done():
                heart.result()
        finally:
            heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heart

    def _first_delay(self) -> float:
        wanted = self._times.retry_s
        return random.uniform(1, 5) if wanted is None else wanted

    # -- receiving

    async def _poll_once(self) -> None:
        count = await self._allowance()
        if count == 0:
            return
        trial = not self._breaker.closed
        try:
            messages = await self._bus.receive(
                self._queue.name, count, self._bus.settings.poll_wait_s
            )
        except Unavailable as error:
            logger.warning("poll_failed", extra={"fields": {"dependency": error.dependency}})
            self._breaker.released()
            await self._until_changed(self._times.poll_pause_s)
            return
        if not messages:
            self._breaker.released()
        if self._stopped_at is not None:
            await self._release(messages)
            return
        for message in messages:
            self._start(message, trial)
        if self._linger_s and 0 < len(messages) < min(count, BATCH_MAX):
            await self._linger()

    async def _linger(self) -> None:
        """Only a stop ends it early."""
        end = time.monotonic() + self._linger_s
        while self._stopped_at is None and (left := end - time.monotonic()) > 0:
            await self._until_changed(left)

    async def _allowance(self) -> int:
        """How many messages may be received now; 0 when stopping.

        While the breaker is open none may, and when a probe answers again one may.
        """
        while self._stopped_at is None:
            free = self._concurrency - len(self._flights)
            if self._breaker.closed and free > 0:
                return free
            if self._breaker.half_open and await self._probe_answers():
                return 1 if self._breaker.admits() else 0
            await self._until_changed(None if self._breaker.closed else self._times.breaker_open_s)
        return 0

    async def _probe_answers(self) -> bool:
        if self._probe is None:
            return True
        try:
            await self._probe()
        except Unavailable as error:
            self._trip(error)
            return False
        return True

    async def _until_changed(self, seconds: float | None) -> None:
        """Until a message has landed, a stop, or the time is over."""
        self._changed.clear()
        if self._stopped_at is not None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _start(self, message: Received, trial: bool) -> None:
        flight = Flight(message, asyncio.create_task(self._fly(message, trial)), trial)
        self._flights[message.receipt] = flight
        flight.task.add_done_callback(lambda _: self._land(flight))

    def _land(self, flight: Flight) -> None:
        self._flights.pop(flight.message.receipt, None)
        if flight.trial:
            self._breaker.released()
        self._changed.set()

    async def _fly(self, message: Received, trial: bool) -> None:
        verdict = await self._dispatcher.judge(message)
        try:
            await self._settle(message, verdict, trial)
        except Exception as error:
            # It becomes visible again by itself; its handler is idempotent.
            fields = {"queue": self._queue.name, "error": described(error)}
            logger.exception("settle_failed", extra={"fields": fields})

    # -- what becomes of a message

    async def _settle(self, message: Received, verdict: Verdict, trial: bool) -> None:
        outcome, envelope = verdict.outcome, verdict.envelope
        if isinstance(outcome, Unavailable):
            await self._outage(message, outcome)
            return
        if trial and self._breaker.succeeded():
            logger.info("breaker_closed", extra={"fields": {"queue": self._queue.name}})
            metric("BreakerOpen", 0, "None", queue=self._queue.name)
        if isinstance(outcome, Retry):
            seconds = min(_MAX_HIDE_S, max(0, round(outcome.delay_s)))
            await self._bus.hide(self._queue.name, [message.receipt], seconds)
            return
        rejected = isinstance(outcome, Reject)
        if isinstance(outcome, Reject):
            event_id = envelope.id if envelope else ""
            await self._bus.dead_letter(self._queue, message, outcome.reason, event_id)
            metric("DeadLettered", 1, queue=self._queue.name)
            outcome = Done(RequestFailedV1(code="rejected", message=outcome.reason))
        if envelope is not None:
            await self._reply(outcome, envelope)
        await self._bus.delete(self._queue.name, message.receipt)
        if envelope is not None and not rejected:
            await self._bus.delete_claim_check(self._queue.name, envelope)

    async def _outage(self, message: Received, error: Unavailable) -> None:
        """Counts for nothing: back into the queue, with a fresh receive count in time."""
        self._trip(error)
        if message.receive_count < self._times.renew_at:
            await self._release([message])
            return
        parcel = Parcel(message.body, attributes(message.kept))
        await self._bus.send_parcel(self._queue.name, parcel)
        await self._bus.delete(self._queue.name, message.receipt)

    def _trip(self, error: Unavailable) -> None:
        if self._breaker.failed():
            fields = {"queue": self._queue.name, "dependency": error.dependency}
            logger.warning("breaker_opened", extra={"fields": fields})
        metric("BreakerOpen", 1, "None", queue=self._queue.name)

    async def _reply(self, outcome: Done, envelope: Envelope) -> None:
        if outcome.reply is None or envelope.reply_to is None:
            return
        reply = wrap(outcome.reply, envelope.context())
        try:
            await self._bus.send(envelope.reply_to, reply)
        except Exception as error:
            # The asker is gone with its queue, or its deadline will tell it.
            fields = {"reply_to": envelope.reply_to, "error": described(error)}
            logger.exception("reply_failed", extra={"fields": fields})

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
                lost = await self._bus.hide(self._queue.name, receipts, lease_s)
            except Unavailable as error:
                logger.warning("heartbeat_failed", extra={"fields": {"error": str(error)}})
                continue
            for flight in flights:
                if flight.message.receipt in lost and not flight.task.done():
                    metric("LeaseLost", 1, queue=self._queue.name)
                    flight.task.cancel()

    async def _release(self, messages: Sequence[Received]) -> None:
        """Makes them visible at once. When that fails, their visibility runs out by itself."""
        if not messages:
            return
        try:
            await self._bus.hide(self._queue.name, [one.receipt for one in messages], 0)
        except Exception as error:
            fields = {"queue": self._queue.name, "error": described(error)}
            logger.exception("release_failed", extra={"fields": fields})

    async def _drain(self, deadline: float) -> None:
        flights = list(self._flights.values())
        if not flights:
            return
        tasks = [flight.task for flight in flights]
        _, late = await asyncio.wait(tasks, timeout=max(0.0, deadline - time.monotonic()))
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self._release([flight.message for flight in flights if flight.task in late])
