"""From a received message to what shall become of it: decode, route, judge."""

import logging
import random
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from opentelemetry.trace import SpanKind

from contracts.envelope import Envelope
from contracts.message import Message
from contracts.platform.replies import PingV1, PongV1, RequestFailedV1
from contracts.topology import REPLY_QUEUE_PREFIX
from shared.errors import NoSuchObject, Unavailable, described
from shared.messaging.wire import (
    FIRST_SENDER,
    Foreign,
    Received,
    Undecodable,
    decode,
    message_of,
)
from shared.observability import bound, metric, span
from shared.outcomes import Done, Handler, Outcome, Reject, Retry

logger = logging.getLogger(__name__)
T = TypeVar("T")
Redeem = Callable[[str, Envelope], Awaitable[Envelope]]
# SQS's own rule for what may follow.
_REPLY_QUEUE = re.compile(re.escape(REPLY_QUEUE_PREFIX) + "[A-Za-z0-9_-]{1,60}")
MAX_ATTEMPTS = 5
# Seconds before the first retry, between these: so retries spread.
RETRY_S = (1.0, 5.0)
# Near SQS's own maxReceiveCount a failure is final, or else the net would take it without a reason.
LAST_RECEIVE = 15
_REMEMBERED = 10_000
# Redeemed messages that were handled, so that a second copy is not told from a lost object.
_REDEEMED = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with the message; `envelope` is None when it could not be read.

    The envelope is as it was sent: a claim check in it is not redeemed.
    """

    outcome: Outcome | Unavailable
    envelope: Envelope | None = None


class Dispatcher:
    """Routes by message class. Failed attempts are counted here, since SQS counts receives."""

    def __init__(
        self,
        service: str,
        queue: str,
        handlers: Mapping[type[Message], Handler],
        redeem: Redeem,
        foreign: Foreign | None = None,
        first_delay_s: Callable[[], float] = lambda: random.uniform(*RETRY_S),
    ) -> None:
        self._first_delay_s = first_delay_s
        self._service, self._queue, self._redeem, self._foreign = service, queue, redeem, foreign
        own: dict[type[Message], Handler] = {PingV1: self._pong}
        self._handlers = own | dict(handlers)
        self._failures: OrderedDict[str, int] = OrderedDict()
        self._redeemed: OrderedDict[str, None] = OrderedDict()

    async def judge(self, received: Received) -> Verdict:
        """Never raises but for cancellation."""
        try:
            sent = _answerable(decode(received.body, self._foreign))
        except Undecodable as error:
            return Verdict(Reject(str(error)))
        if _expired(sent, received):
            metric("Expired", 1, queue=self._queue)
            return Verdict(Done(), sent.model_copy(update={"reply_to": None}))
        try:
            envelope = await self._redeem(self._queue, sent)
            message = message_of(envelope)
            handler = self._handlers.get(type(message))
            if handler is None:
                raise Undecodable(f"{self._queue} has no handler for {envelope.type}")
        except (Undecodable, NoSuchObject) as error:
            if isinstance(error, NoSuchObject) and sent.id in self._redeemed:
                return Verdict(Done(), sent)
            return Verdict(Reject(str(error)), sent)
        except Unavailable as error:
            return Verdict(error)
        except Exception as error:
            logger.exception("undecodable", extra={"fields": {"queue": self._queue}})
            return Verdict(Reject(f"the message cannot be read: {described(error)}"), sent)
        outcome = await self._run(handler, message, envelope, received)
        if isinstance(outcome, Done) and envelope is not sent:
            _remember(self._redeemed, sent.id, None, _REDEEMED)
        return Verdict(outcome, sent)

    async def _run(
        self, handler: Handler, message: Message, envelope: Envelope, received: Received
    ) -> Outcome | Unavailable:
        started = time.perf_counter()
        with (
            bound(tenant=envelope.tenant, correlation_id=envelope.correlation_id),
            span(
                f"{self._queue} {envelope.type}",
                {"messaging.system": "aws_sqs", "messaging.message.id": envelope.id},
                parent=envelope.traceparent,
                kind=SpanKind.CONSUMER,
            ),
        ):
            outcome = await self._attempt(handler, message, envelope, received)
            took_ms = (time.perf_counter() - started) * 1000
            self._report(outcome, envelope, took_ms)
        return outcome

    async def _attempt(
        self, handler: Handler, message: Message, envelope: Envelope, received: Received
    ) -> Outcome | Unavailable:
        first = received.attributes.get(FIRST_SENDER)
        told = {
            "sender": received.sender,
            "first_sender": first,
            "sent_at": datetime.fromtimestamp(received.sent_at_ms / 1000, UTC),
            "occurred_at": envelope.occurred_at,
        }
        context = envelope.context().model_copy(update=told)
        try:
            outcome = await handler(message, context)
        except Unavailable as error:
            if envelope.reply_to is None:
                return error
            return Done(RequestFailedV1(code="unavailable", message=str(error)))
        except Exception as error:
            logger.exception("handler_failed", extra={"fields": {"type": envelope.type}})
            if envelope.reply_to is not None:
                # Nobody waits for a second attempt: the asker hears of it now.
                return Done(RequestFailedV1(code="internal", message="the request failed"))
            outcome = Retry(self._first_delay_s(), described(error))
        return self._counted(outcome, envelope, received)

    def _counted(self, outcome: Outcome, envelope: Envelope, received: Received) -> Outcome:
        """The outcome, or a rejection when it was the last attempt; the delay doubles each time."""
        if not isinstance(outcome, Retry):
            self._failures.pop(envelope.id, None)
            return outcome
        failures = self._failures.pop(envelope.id, 0) + 1
        if failures >= MAX_ATTEMPTS or received.receive_count >= LAST_RECEIVE:
            return Reject(f"failed {failures} times, last: {outcome.reason}")
        _remember(self._failures, envelope.id, failures, _REMEMBERED)
        return Retry(outcome.delay_s * 2 ** (failures - 1), outcome.reason)

    def _report(self, outcome: Outcome | Unavailable, envelope: Envelope, took_ms: float) -> None:
        name = type(outcome).__name__.lower()
        metric("Handled", 1, queue=self._queue, outcome=name)
        metric("HandlingTime", took_ms, "Milliseconds", queue=self._queue)
        fields: dict[str, object] = {
            "queue": self._queue,
            "type": envelope.type,
            "message_id": envelope.id,
            "outcome": name,
            "ms": round(took_ms, 1),
        }
        if isinstance(outcome, Retry | Reject):
            fields["reason"] = outcome.reason
        logger.info("handled", extra={"fields": fields})

    async def _pong(self, _message: PingV1, _context: object) -> Outcome:
        return Done(PongV1(service=self._service))


def _remember(memory: "OrderedDict[str, T]", key: str, value: T, most: int) -> None:
    memory[key] = value
    if len(memory) > most:
        memory.popitem(last=False)


def _answerable(envelope: Envelope) -> Envelope:
    """Else a sender could have our answers delivered into any queue we may write to."""
    if envelope.reply_to is not None and not _REPLY_QUEUE.fullmatch(envelope.reply_to):
        raise Undecodable(f"reply_to must name a {REPLY_QUEUE_PREFIX}* queue")
    return envelope


def _expired(envelope: Envelope, received: Received) -> bool:
    if envelope.budget_ms is None or not received.sent_at_ms:
        return False
    return time.time() * 1000 > received.sent_at_ms + envelope.budget_ms
