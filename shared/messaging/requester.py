"""Request and reply: one reply queue a process, whose name nobody else knows."""

import asyncio
import contextlib
import logging
import secrets
import time
from typing import TypeVar

from contracts.envelope import Context, Envelope, wrap
from contracts.message import Message
from contracts.platform.replies import RequestFailedV1
from contracts.topology import REPLY_QUEUE_PREFIX
from shared.errors import DeadlineMissed, NoSuchObject, RequestRefused, Unavailable
from shared.messaging.bus import Bus
from shared.messaging.wire import Undecodable, decode, message_of
from shared.observability import current_traceparent, span

logger = logging.getLogger(__name__)
M = TypeVar("M", bound=Message)
_KEEP_ALIVE_S = 60.0
_PAUSE_S = 0.5


class BusRequester:
    """shared.ports.Requester and a Runnable whose loop hands each reply to its asker."""

    def __init__(self, bus: Bus) -> None:
        self._bus, self._queues = bus, bus.reply_queues
        self._name = REPLY_QUEUE_PREFIX + secrets.token_hex(8)
        self._waiting: dict[str, asyncio.Future[Envelope]] = {}
        self._stopping = asyncio.Event()
        self._open = asyncio.Event()

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
            self._waiting[request.id] = answer
            try:
                async with asyncio.timeout(budget_ms / 1000 - (time.monotonic() - started)):
                    await self._open.wait()
                    await self._bus.send(queue, request)
                    envelope = await answer
            except TimeoutError:
                raise DeadlineMissed(queue, budget_ms) from None
            finally:
                self._waiting.pop(request.id, None)
        return _expected(message_of(envelope), reply)

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Makes the queue, receives until stopped, removes it."""
        await self._queues.create(self._name)
        self._open.set()
        keeper = asyncio.create_task(self._keep_alive())
        try:
            while not self._stopping.is_set():
                await self._receive()
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
            await self._queues.remove(self._name)

    async def _receive(self) -> None:
        try:
            messages = await self._bus.receive(self._name, 10, self._bus.settings.poll_wait_s)
        except Unavailable as error:
            logger.warning("poll_failed", extra={"fields": {"dependency": error.dependency}})
            await asyncio.sleep(_PAUSE_S)
            return
        for message in messages:
            try:
                self._deliver(await self._bus.redeem(decode(message.body)))
            except (Undecodable, NoSuchObject, Unavailable) as error:
                logger.warning("unreadable_reply", extra={"fields": {"reason": str(error)}})
        deletes = [self._bus.delete(self._name, message.receipt) for message in messages]
        for failure in await asyncio.gather(*deletes, return_exceptions=True):
            if isinstance(failure, Exception):
                logger.warning("reply_not_deleted", extra={"fields": {"error": str(failure)}})

    def _deliver(self, envelope: Envelope) -> None:
        waiting = self._waiting.get(envelope.causation_id or "")
        if waiting is not None and not waiting.done():
            waiting.set_result(envelope)

    async def _keep_alive(self) -> None:
        while True:
            try:
                await self._queues.sweep(self._name)
                await self._queues.mark_alive(self._name)
            except Exception:
                logger.exception("reply_queue_upkeep_failed")
            await asyncio.sleep(_KEEP_ALIVE_S)


def _expected(message: Message, kind: type[M]) -> M:
    if isinstance(message, RequestFailedV1):
        raise RequestRefused(message.code, message.message)
    if not isinstance(message, kind):
        raise RequestRefused("internal", f"unexpected reply {type(message).__name__}")
    return message
