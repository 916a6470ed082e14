"""Request and reply: one reply queue a process, whose name nobody else knows."""

import asyncio
import logging
import secrets
import time
from dataclasses import dataclass
from typing import TypeVar

from contracts.envelope import Context, Envelope, wrap
from contracts.message import Message
from contracts.platform.replies import RequestFailedV1
from contracts.topology import REPLY_QUEUE_PREFIX
from shared.errors import DeadlineMissed, RequestRefused, Unavailable, described
from shared.messaging.bus import Bus
from shared.messaging.wire import Received, Undecodable, decode, message_of
from shared.observability import current_traceparent, metric, span

logger = logging.getLogger(__name__)
M = TypeVar("M", bound=Message)
UPKEEP_S = 60.0
_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose asker waits for `answer`."""

    request: Envelope
    answer: asyncio.Future[Envelope]

    def answered_by(self, reply: Envelope) -> bool:
        """Whoever learns a request's id must still not answer for another tenant."""
        ours = self.request
        return (reply.tenant, reply.correlation_id) == (ours.tenant, ours.correlation_id)


class BusRequester:
    """shared.ports.Requester and a Runnable whose loop hands each reply to its asker."""

    def __init__(self, bus: Bus, *, upkeep_s: float = UPKEEP_S) -> None:
        self._bus, self._queues, self._upkeep_s = bus, bus.reply_queues, upkeep_s
        self._replies: set[asyncio.Task[None]] = set()
        self._name = REPLY_QUEUE_PREFIX + secrets.token_hex(8)
        self._waiting: dict[str, _Asked] = {}
        self._stopping = asyncio.Event()
        self._open = asyncio.Event()
        self._polled_at = time.monotonic()

    async def ask(
        self, queue: str, message: Message, reply: type[M], context: Context, budget_ms: int
    ) -> M:
        started = time.monotonic()
        with span(f"ask {queue}", {"messaging.destination.name": queue}):
            request = wrap(
                message,
                context,
                traceparent=current_traceparent(),
                reply_to=self._name,
                budget_ms=budget_ms,
            )
            answer: asyncio.Future[Envelope] = asyncio.get_running_loop().create_future()
            self._waiting[request.id] = _Asked(request, answer)
            try:
                async with asyncio.timeout(budget_ms / 1000 - (time.monotonic() - started)):
                    await self._open.wait()
                    await self._bus.send(queue, request)
                    envelope = await answer
            except TimeoutError:
                raise DeadlineMissed(queue, budget_ms) from None
            finally:
                self._waiting.pop(request.id, None)
        try:
            return _expected(message_of(envelope), reply)
        except Undecodable as error:
            raise RequestRefused("internal", f"unreadable reply: {error}") from None

    def stop(self) -> None:
        self._stopping.set()

    def alive(self) -> bool:
        return time.monotonic() - self._polled_at < self._bus.settings.poll_wait_s + 30

    async def run(self) -> None:
        """Makes the queue, receives until stopped, removes it with whatever is in it."""
        await self._queues.create(self._name)
        self._open.set()
        keeper, poller = asyncio.create_task(self._keep_alive()), asyncio.create_task(self._poll())
        poller.add_done_callback(lambda _: self.stop())
        try:
            await self._stopping.wait()
        finally:
            # Nobody else reads this queue, so nothing is lost with a receive that is cancelled.
            ending = [keeper, poller, *self._replies]
            for task in ending:
                task.cancel()
            results = await asyncio.gather(*ending, return_exceptions=True)
            await self._remove()
        if isinstance(results[1], Exception):
            raise results[1]

    async def _remove(self) -> None:
        try:
            await self._queues.remove(self._name)
        except Exception as error:  # noqa: BLE001 (the other gateways sweep it)
            fields = {"error": described(error)}
            logger.warning("reply_queue_not_removed", extra={"fields": fields})

    async def _poll(self) -> None:
        while True:
            self._polled_at = time.monotonic()
            try:
                messages = await self._bus.receive(self._name, 10, self._bus.settings.poll_wait_s)
            except Unavailable as error:
                logger.warning("poll_failed", extra={"fields": {"dependency": error.dependency}})
                await asyncio.sleep(_PAUSE_S)
                continue
            for message in messages:
                # The next poll does not wait for it: the next reply may be there already.
                task = asyncio.create_task(self._take(message))
                self._replies.add(task)
                task.add_done_callback(self._replies.discard)

    async def _take(self, message: Received) -> None:
        """No reply may end the loop, whatever it holds: every stream waits for it."""
        try:
            await self._deliver(decode(message.body))
        except Exception as error:  # noqa: BLE001 (as the docstring says)
            fields = {"reason": str(error) if isinstance(error, Undecodable) else described(error)}
            logger.warning("unreadable_reply", extra={"fields": fields})
        try:
            await self._bus.delete(self._name, message.receipt)
        except Exception as error:  # noqa: BLE001 (the queue forgets it after a minute anyway)
            logger.warning("reply_not_deleted", extra={"fields": {"error": described(error)}})

    async def _deliver(self, sent: Envelope) -> None:
        asked = self._waiting.get(sent.causation_id or "")
        if asked is None or asked.answer.done():
            metric("LateReplies", 1)
            await self._bus.delete_claim_check(self._name, sent)
            return
        if not asked.answered_by(sent):
            metric("ForgedReplies", 1)
            logger.warning("forged_reply", extra={"fields": {"request": asked.request.id}})
            return
        envelope = await self._bus.redeem(self._name, sent)
        if not asked.answer.done():
            asked.answer.set_result(envelope)
        await self._bus.delete_claim_check(self._name, sent)

    async def _keep_alive(self) -> None:
        """Both are tried each time: a sweep that fails must not let this queue look orphaned."""
        while True:
            for upkeep in (self._queues.mark_alive, self._queues.sweep):
                try:
                    await upkeep(self._name)
                except Exception as error:
                    fields = {"step": upkeep.__name__, "error": described(error)}
                    logger.exception("reply_queue_upkeep_failed", extra={"fields": fields})
            await asyncio.sleep(self._upkeep_s)


def _expected(message: Message, kind: type[M]) -> M:
    if isinstance(message, RequestFailedV1):
        raise RequestRefused(message.code, message.message)
    if not isinstance(message, kind):
        raise RequestRefused("internal", f"unexpected reply {type(message).__name__}")
    return message
