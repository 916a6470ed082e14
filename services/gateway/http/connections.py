"""Limits of a connection: slow and greedy clients are told so, and closed.

uvicorn keeps a request's head in memory however long it grows, and waits for it for ever.
"""

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.gateway.http.problems import problem
from shared.observability import metric

logger = logging.getLogger(__name__)
HEAD_LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True)
class ConnectionLimits:
    """`head_s` is for a whole head, `idle_s` for the next byte of a body.

    After an answer a connection waits `keep_alive_s` for the next request.
    """

    connections: int = 2000
    head_s: float = 10.0
    idle_s: float = 30.0
    keep_alive_s: int = 5


class _TooLarge(Exception):
    """Ends the parser from within; uvicorn calls send_400_response then."""


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with one timer and one count of bytes a connection."""

    limits: ClassVar[ConnectionLimits] = ConnectionLimits()
    # Bytes since something was read whole: a head, a piece of a body, the trailers after it.
    _pending = 0
    _timer: asyncio.TimerHandle | None = None
    _in_body = False
    _greedy = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse(503, "Too many connections are open. Try again in a moment.")
        else:
            self._wait(self.limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._pending += len(data)
        super().data_received(data)
        if self._pending > HEAD_LIMIT_BYTES:
            self._refuse_greedy()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._timer is None:  # the next request of the connection
            self._wait(self.limits.head_s)

    def on_headers_complete(self) -> None:
        # One read of the socket may bring more than the limit at once.
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > HEAD_LIMIT_BYTES:
            self._greedy = True
            raise _TooLarge
        self._pending, self._in_body = 0, True
        self._wait(self.limits.idle_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._pending = 0
        self._wait(self.limits.idle_s)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._pending, self._in_body = 0, False
        self._wait_no_more()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._wait_no_more()
        if self._greedy:
            self._refuse_greedy()
        else:
            super().send_400_response(msg)

    def _wait(self, seconds: float) -> None:
        self._wait_no_more()
        self._timer = self.loop.call_later(seconds, self._late)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        if self._in_body and self.flow.read_paused:
            self._wait(self.limits.idle_s)  # we are slow, not the client
            return
        if self._in_body and self.cycle.response_started:
            self.transport.close()
            return
        what = "body" if self._in_body else "head"
        self._refuse(408, f"The request's {what} did not come in time. Send it again.")

    def _refuse_greedy(self) -> None:
        self._refuse(431, f"The limit of a request's head is {HEAD_LIMIT_BYTES:,} bytes.")

    def _refuse(self, status: int, detail: str) -> None:
        """An answer outside of the application, which has no part in this request."""
        self._wait_no_more()
        if self.transport.is_closing():
            return
        metric("ConnectionsRefused", 1, status=str(status))
        logger.info("connection_refused", extra={"fields": {"status": status}})
        body = bytes(problem(status, detail).body)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def limited(limits: ConnectionLimits) -> type[LimitedProtocol]:
    """The protocol with these limits: uvicorn wants a class."""
    members: dict[str, Any] = {"limits": limits}
    return type("Limited", (LimitedProtocol,), members)
