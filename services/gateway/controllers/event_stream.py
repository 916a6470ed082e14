"""Server-sent events: whatever is ready goes out in one write, tokens joined into one event."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from fastapi import Response
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from contracts.gateway.http import TokenEvent

KEEP_ALIVE_S = 15.0
_KEEP_ALIVE = b": keep-alive\n\n"
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
Data = BaseModel | Sequence[BaseModel]
Event = tuple[str, Data]
Events = asyncio.Queue[Event | None]
Produce = Callable[[Callable[[str, Data], None]], Coroutine[Any, Any, None]]
Start = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


def encoded(event: str, data: Data) -> bytes:
    """One event on the wire (HTML standard, section 9.2)."""
    if isinstance(data, BaseModel):
        body = data.model_dump_json()
    else:
        body = f"[{','.join(item.model_dump_json() for item in data)}]"
    return f"event: {event}\ndata: {body}\n\n".encode()


def joined(events: Sequence[Event]) -> bytes:
    """Neighbouring tokens become one."""
    out: list[bytes] = []
    texts: list[str] = []
    for event, data in events:
        if isinstance(data, TokenEvent):
            texts.append(data.text)
            continue
        if texts:
            out.append(encoded("token", TokenEvent(text="".join(texts))))
            texts = []
        out.append(encoded(event, data))
    if texts:
        out.append(encoded("token", TokenEvent(text="".join(texts))))
    return b"".join(out)


class EventStream(Response):
    """`produce(emit)` runs as a task of its own, cancelled when the client goes.

    `start` makes that task and keeps it until it ended, since it may still have to clean up.
    """

    media_type = "text/event-stream"

    def __init__(self, produce: Produce, start: Start) -> None:
        self._produce, self._start = produce, start
        self.status_code, self.background = 200, None
        self.init_headers(_HEADERS)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        events: Events = asyncio.Queue()
        producing = self._start(self._run(events))
        watching = asyncio.create_task(_watch(receive, events))
        try:
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            await _pump(events, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            producing.cancel()
            watching.cancel()

    async def _run(self, events: Events) -> None:
        try:
            await self._produce(lambda event, data: events.put_nowait((event, data)))
        finally:
            events.put_nowait(None)


async def _watch(receive: Receive, events: Events) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    events.put_nowait(None)


async def _pump(events: Events, send: Callable[[Any], Awaitable[None]]) -> None:
    """Returns at the end of the events, or when the client has gone."""
    ended = False
    while not ended:
        try:
            async with asyncio.timeout(KEEP_ALIVE_S):
                ready = [await events.get()]
        except TimeoutError:
            await send({"type": "http.response.body", "body": _KEEP_ALIVE, "more_body": True})
            continue
        while not events.empty():
            ready.append(events.get_nowait())
        ended = None in ready
        body = joined([item for item in ready if item is not None])
        if body:
            await send({"type": "http.response.body", "body": body, "more_body": True})
