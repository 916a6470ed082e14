"""The consumer: long poll, bounded concurrency, heartbeat, outcomes, drain."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.envelope import Envelope, wrap
from contracts.platform.replies import RequestFailedV1
from contracts.topology import QUEUES, Queue
from shared.breaker import OPEN_S, Breaker
from shared.errors import Unavailable, described
from shared.messaging.batch import BATCH_MAX
from shared.messaging.bus import Bus, Parcel
from shared.messaging.dispatch import RETRY_S, Dispatcher, Verdict
from shared.messaging.wire import Foreign, Received, attributes
from shared.observability import metric
from shared.outcomes import Done, Handlers, Reject, Retry
from shared.ports import Probe

logger = logging.getLogger(__name__)
# For queues of events, where nobody waits for the single one.
LINGER_S = 0.4
_MAX_HIDE_S = 900
# Of the drain: for cancelled handlers to end, and for making their messages visible.
_CANCEL_S, _RELEASE_S = 1.0, 2.0


@dataclass(frozen=True)
class Times:
    """Seconds, but for `renew_at`. A test shortens them."""

    breaker_open_s: float = OPEN_S
    poll_pause_s: float = 1.0
    # Before the first retry; left out: within RETRY_S.
    retry_s: float | None = None
    # Outages burn receives: at this one the message is sent anew with a fresh count, well before
    # the queue's maxReceiveCount.
    renew_at: int = 10


@dataclass(eq=False, slots=True)
class Flight:
    """A message at work.

    `trial`: it decides whether the breaker closes. `leased_until` is monotonic. `leaving`: the call
    that ends its lease is under way, so the heartbeat must not renew it.
    """

    message: Received
    trial: bool
    leased_until: float
    task: asyncio.Task[None] = field(init=False)
    leaving: bool = False


class Consumer:
    """A Runnable that empties one queue; `concurrency` handlers at most run at once.

    Where nobody waits, `linger_s` lets messages gather after a receive that was not full: one
    receive and one delete then serve several, and a call costs more than a message.

    A receive is not cancelled while SQS answers: the messages that it took would stay hidden until
    their visibility runs out. On stop it finishes while the work goes on; what it brings becomes
    visible again, and so does the work that has not ended in time. All of this takes `drain_s` at
    most, so a poll should be shorter than the drain.
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
        self._stopping = asyncio.Event()
        self._deadline = float("inf")
        self._polled_at = time.monotonic()

    def stop(self) -> None:
        if not self._stopping.is_set():
            drain_s = self._bus.settings.drain_s
            kept_s = min(_CANCEL_S + _RELEASE_S, drain_s / 4)
            self._deadline = time.monotonic() + drain_s - kept_s
            self._stopping.set()
        self._changed.set()

    def alive(self) -> bool:
        """False when the loop has not come round for longer than a poll and a pause may take."""
        longest = self._bus.settings.poll_wait_s + 30 + self._times.breaker_open_s
        return bool(self._flights) or time.monotonic() - self._polled_at < longest

    async def run(self) -> None:
        """Raises what broke the polls or the heartbeat, after the drain."""
        poller, heart = asyncio.create_task(self._poll()), asyncio.create_task(self._beat())
        for task in (poller, heart):
            task.add_done_callback(lambda _: self.stop())
        try:
            await self._stopping.wait()
            # A receive or a probe that hangs must not outlive the drain.
            await asyncio.wait([poller], timeout=self._left_s())
            await self._drain()
        finally:
            poller.cancel()
            heart.cancel()
            results = await asyncio.gather(poller, heart, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    def _left_s(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _first_delay(self) -> float:
        wanted = self._times.retry_s
        return random.uniform(*RETRY_S) if wanted is None else wanted

    # -- receiving

    async def _poll(self) -> None:
        while not self._stopping.is_set():
            self._polled_at = time.monotonic()
            await self._poll_once()

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
        opened_meanwhile = not trial and not self._breaker.closed
        if self._stopping.is_set() or opened_meanwhile:
            await self._release(messages)
            return
        for message in messages:
            self._start(message, trial)
        if self._linger_s and 0 < len(messages) < min(count, BATCH_MAX):
            await self._linger()

    async def _linger(self) -> None:
        """Only a stop ends it early."""
        end = time.monotonic() + self._linger_s
        while not self._stopping.is_set() and (left := end - time.monotonic()) > 0:
            await self._until_changed(left)

    async def _allowance(self) -> int:
        """How many messages may be received now; 0 when stopping.

        While the breaker is open none may, and when a probe answers again one may.
        """
        while not self._stopping.is_set():
            free = self._concurrency - len(self._flights)
            if self._breaker.closed and free > 0:
                return free
            if free > 0 and self._breaker.half_open and await self._probe_answers():
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
        if self._stopping.is_set():
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _start(self, message: Received, trial: bool) -> None:
        flight = Flight(message, trial, time.monotonic() + self._queue.visibility_s)
        flight.task = asyncio.create_task(self._fly(flight))
        self._flights[message.receipt] = flight
        flight.task.add_done_callback(lambda _: self._land(flight))

    def _land(self, flight: Flight) -> None:
        self._flights.pop(flight.message.receipt, None)
        if flight.trial:
            self._breaker.released()
        self._changed.set()

    async def _fly(self, flight: Flight) -> None:
        verdict = await self._dispatcher.judge(flight.message)
        try:
            await self._settle(flight, verdict)
        except Exception as error:
            # It becomes visible again by itself; its handler is idempotent.
            fields = {"queue": self._queue.name, "error": described(error)}
            logger.exception("settle_failed", extra={"fields": fields})

    # -- what becomes of a message

    async def _settle(self, flight: Flight, verdict: Verdict) -> None:
        message, outcome, envelope = flight.message, verdict.outcome, verdict.envelope
        if isinstance(outcome, Unavailable):
            await self._outage(flight, outcome)
            return
        if self._tells(flight) and self._breaker.succeeded():
            logger.info("breaker_closed", extra={"fields": {"queue": self._queue.name}})
            metric("BreakerOpen", 0, "None", queue=self._queue.name)
        if isinstance(outcome, Retry):
            seconds = min(_MAX_HIDE_S, max(0, round(outcome.delay_s)))
            flight.leaving = True
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
        flight.leaving = True
        await self._bus.delete(self._queue.name, message.receipt)
        if envelope is not None and not rejected:
            await self._bus.delete_claim_check(self._queue.name, envelope)

    def _tells(self, flight: Flight) -> bool:
        """Once: an open breaker listens to its trial alone, not to what began before it opened."""
        trial, flight.trial = flight.trial, False
        return trial

    async def _outage(self, flight: Flight, error: Unavailable) -> None:
        """Counts for nothing: back into the queue, with a fresh receive count in time."""
        if self._tells(flight) or self._breaker.closed:
            self._trip(error)
        message, flight.leaving = flight.message, True
        if message.receive_count < self._times.renew_at:
            await self._release([message])
            return
        parcel = Parcel(message.body, attributes(message.kept))
        if parcel.size() <= self._queue.limit_bytes:
            await self._bus.send_parcel(self._queue.name, parcel)
        else:
            reason = f"{error}; with its first sender the message is too large to be sent again"
            await self._bus.dead_letter(self._queue, message, reason)
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
        """Renews every lease in flight; whoever has lost it, or soon will, must not go on."""
        lease_s = self._queue.visibility_s
        pause_s = lease_s / 3
        while True:
            await asyncio.sleep(pause_s)
            flights = [flight for flight in self._flights.values() if not flight.leaving]
            pause_s = lease_s / 3 if await self._renew(flights) else lease_s / 15
            for flight in flights:
                if flight.leased_until <= time.monotonic() + pause_s and not flight.leaving:
                    metric("LeaseLost", 1, queue=self._queue.name)
                    flight.task.cancel()

    async def _renew(self, flights: Sequence[Flight]) -> bool:
        """False when SQS did not answer."""
        if not flights:
            return True
        started, lease_s = time.monotonic(), self._queue.visibility_s
        left_s = min(flight.leased_until for flight in flights) - started
        receipts = [flight.message.receipt for flight in flights]
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                lost = await self._bus.hide(self._queue.name, receipts, lease_s)
        except (Unavailable, TimeoutError) as error:
            logger.warning("heartbeat_failed", extra={"fields": {"error": described(error)}})
            return False
        for flight in flights:
            held = flight.message.receipt not in lost
            flight.leased_until = started + lease_s if held else started
        return True

    async def _release(self, messages: Sequence[Received]) -> None:
        """Makes them visible at once. When that fails, their visibility runs out by itself."""
        if not messages:
            return
        try:
            async with asyncio.timeout(_RELEASE_S):
                await self._bus.hide(self._queue.name, [one.receipt for one in messages], 0)
        except Exception as error:
            fields = {"queue": self._queue.name, "error": described(error)}
            logger.exception("release_failed", extra={"fields": fields})

    async def _drain(self) -> None:
        flights = list(self._flights.values())
        if not flights:
            return
        tasks = [flight.task for flight in flights]
        _, late = await asyncio.wait(tasks, timeout=self._left_s())
        for task in late:
            task.cancel()
        # A handler that does not end when it is cancelled must not hold up the stop.
        await asyncio.wait(tasks, timeout=_CANCEL_S)
        await self._release([flight.message for flight in flights if flight.task in late])
