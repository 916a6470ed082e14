"""A turn's events over HTTP: what is ready goes out in one write, neighbouring texts in one event.

`encoded` writes them as server-sent events; EventStream takes any encoder.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import Response
from pydantic import BaseModel, TypeAdapter
from starlette.types import Receive, Scope, Send

from contracts.gateway.http_chat import (
    Citation,
    DoneEvent,
    ErrorEvent,
    MetaEvent,
    TokenEvent,
    UsageEvent,
)
from services.gateway.models.turn_events import (
    CitationsChecked,
    Emit,
    SourcesFound,
    TextAdded,
    TurnDone,
    TurnEvent,
    TurnFailed,
    TurnStarted,
    UsageSummed,
)

KEEP_ALIVE_S = 15.0
# Text that follows a write of text gathers to the next tick: 33 steps a second read as a flow, a
# fast model costs one write for several tokens, and all streams share a wake-up (docs/adr/0067).
GATHER_S = 0.03
# U+2028, U+2029 and U+0085; JSON itself escapes VT and FF.
_SEPARATORS = (
    (b"\xe2\x80\xa8", rb"\u2028"),
    (b"\xe2\x80\xa9", rb"\u2029"),
    (b"\xc2\x85", rb"\u0085"),
)
_KEEP_ALIVE = b": keep-alive\n\n"
_CITATIONS = TypeAdapter(tuple[Citation, ...])
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
Encode = Callable[[TurnEvent], bytes]
Produce = Callable[[Emit], Coroutine[Any, Any, None]]
Start = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


def encoded(event: TurnEvent) -> bytes:
    """The event as a server-sent event (HTML standard, section 9.2)."""
    match event:
        case TextAdded():
            return _sse(b"token", TokenEvent(text=event.text))
        case TurnStarted():
            return _sse(b"meta", _meta(event))
        case SourcesFound():
            views = ",".join(source.view for source in event.sources)
            return _line(b"sources", f"[{views}]".encode())
        case CitationsChecked():
            citations = _CITATIONS.validate_python(event.cited, from_attributes=True)
            return _line(b"citations", _CITATIONS.dump_json(citations))
        case UsageSummed():
            return _sse(b"usage", _usage(event))
        case TurnDone():
            return _sse(b"done", DoneEvent(turn_id=event.turn_id))
        case TurnFailed():
            return _sse(b"error", ErrorEvent(code=event.code, message=event.message))


def _sse(name: bytes, data: BaseModel) -> bytes:
    return _line(name, data.model_dump_json().encode())


def _line(name: bytes, data: bytes) -> bytes:
    """JSON may hold line separators as they are, but many readers end a line at each of them."""
    for separator, escape in _SEPARATORS:
        if separator in data:
            data = data.replace(separator, escape)
    return b"event: %b\ndata: %b\n\n" % (name, data)


def _meta(event: TurnStarted) -> MetaEvent:
    return MetaEvent(
        turn_id=event.turn_id,
        conversation_id=event.conversation_id,
        cached=event.cached,
        degraded=list(event.degraded),
        query=event.query,
        trace_id=event.trace_id,
        model=event.model,
    )


def _usage(event: UsageSummed) -> UsageEvent:
    return UsageEvent(
        input_tokens=event.input_tokens,
        output_tokens=event.output_tokens,
        cost_usd=None if event.cost_usd is None else float(event.cost_usd),
        model=event.model,
        stop_reason=event.stop_reason,
    )


class _Outbox:
    """What waits to be written: encoded events, and texts that are not encoded yet."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._ready: list[bytes | str] = []
        self._filled, self._ended = asyncio.Event(), False
        self._loop = asyncio.get_running_loop()
        self._written_at = self._loop.time()
        # From when on text is written at once, and what wakes the writer then.
        self._text_at = self._written_at
        self._waker: asyncio.TimerHandle | None = None
        self._keeper = self._loop.call_later(KEEP_ALIVE_S, self._keep_alive)

    def emit(self, event: TurnEvent) -> None:
        if not isinstance(event, TextAdded):
            self._put(self._encode(event))
            return
        self._ready.append(event.text)
        wait_s = self._text_at - self._loop.time()
        if wait_s <= 0:
            self._filled.set()
        elif self._waker is None:
            self._waker = self._loop.call_later(wait_s, self._filled.set)

    def end(self) -> None:
        self._ended = True
        self._filled.set()

    def close(self) -> None:
        self._keeper.cancel()

    async def write(self, send: Send) -> None:
        """Returns at the end of the events, or when the client has gone."""
        ended = False
        while not ended:
            await self._filled.wait()
            self._filled.clear()
            ended, body = self._ended, self._taken()
            await send({"type": "http.response.body", "body": body, "more_body": not ended})

    def _keep_alive(self) -> None:
        """Writes a comment whenever nothing else was written for a while."""
        left_s = self._written_at + KEEP_ALIVE_S - self._loop.time()
        if left_s <= 0:
            self._put(_KEEP_ALIVE)
            left_s = KEEP_ALIVE_S
        self._keeper = self._loop.call_later(left_s, self._keep_alive)

    def _put(self, item: bytes) -> None:
        self._ready.append(item)
        self._filled.set()

    def _taken(self) -> bytes:
        """All that is ready, as it is written now."""
        ready, self._ready = self._ready, []
        self._written_at = self._loop.time()
        if self._waker is not None:
            self._waker.cancel()
            self._waker = None
        if ready and isinstance(ready[-1], str):
            self._text_at = (self._written_at // GATHER_S + 1) * GATHER_S
        return self._joined(ready)

    def _joined(self, ready: Sequence[bytes | str]) -> bytes:
        """Neighbouring texts become one event."""
        out: list[bytes] = []
        texts: list[str] = []
        for item in (*ready, b""):
            if isinstance(item, str):
                texts.append(item)
                continue
            if texts:
                out.append(self._encode(TextAdded("".join(texts))))
                texts = []
            out.append(item)
        return b"".join(out)


class EventStream(Response):
    """`produce(emit)` runs as a task of its own, cancelled when the client goes.

    `start` makes that task and keeps it until it has ended, since it may still have to clean up.
    """

    media_type = "text/event-stream"

    def __init__(self, encode: Encode, produce: Produce, start: Start) -> None:
        self._encode, self._produce, self._start = encode, produce, start
        self.status_code, self.background = 200, None
        self.init_headers(_HEADERS)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        outbox = _Outbox(self._encode)
        tasks = (self._start(self._run(outbox)), asyncio.create_task(_watch(receive, outbox)))
        try:
            headers = self.raw_headers
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await outbox.write(send)
        finally:
            outbox.close()
            for task in tasks:
                task.cancel()

    async def _run(self, outbox: _Outbox) -> None:
        try:
            await self._produce(outbox.emit)
        finally:
            outbox.end()


async def _watch(receive: Receive, outbox: _Outbox) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    outbox.end()
