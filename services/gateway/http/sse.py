"""Server-sent events: what is ready goes out in one write, neighbouring tokens in one event."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import Response
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from contracts.gateway.http import TokenEvent

KEEP_ALIVE_S = 15.0
# After a write with tokens the next ones have so long to gather: nobody sees it, and a fast model
# costs a write for some tokens instead of one for each.
GATHER_S = 0.01
_KEEP_ALIVE = b": keep-alive\n\n"
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
Data = BaseModel | Sequence[BaseModel]
Produce = Callable[[Callable[[str, Data], None]], Coroutine[Any, Any, None]]
Start = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


def encoded(event: str, data: Data) -> bytes:
    """One event on the wire (HTML standard, section 9.2)."""
    if isinstance(data, BaseModel):
        body = data.model_dump_json()
    else:
        body = f"[{','.join(item.model_dump_json() for item in data)}]"
    return f"event: {event}\ndata: {body}\n\n".encode()


class Outbox:
    """What waits to be written: encoded events, and the texts of tokens."""

    def __init__(self) -> None:
        self._ready: list[bytes | str] = []
        self._filled = asyncio.Event()
        self._now = asyncio.get_running_loop().time
        self._written_at = self._now()
        self._ended = False

    def emit(self, event: str, data: Data) -> None:
        self._put(data.text if isinstance(data, TokenEvent) else encoded(event, data))

    def end(self) -> None:
        self._ended = True
        self._filled.set()

    async def write(self, send: Send) -> None:
        """Returns at the end of the events, or when the client has gone."""
        while not self._ended:
            await self._filled.wait()
            self._filled.clear()
            ready, self._ready = self._ready, []
            if not ready:
                continue
            self._written_at = self._now()
            message = {"type": "http.response.body", "body": joined(ready), "more_body": True}
            await send(message)
            if isinstance(ready[-1], str):
                await asyncio.sleep(GATHER_S)
        await send({"type": "http.response.body", "body": joined(self._ready), "more_body": False})

    async def keep_alive(self) -> None:
        """Writes a comment whenever nothing else was written for a while."""
        while True:
            await asyncio.sleep(self._written_at + KEEP_ALIVE_S - self._now())
            if self._now() >= self._written_at + KEEP_ALIVE_S:
                self._put(_KEEP_ALIVE)
                self._written_at = self._now()

    def _put(self, item: bytes | str) -> None:
        self._ready.append(item)
        self._filled.set()


def joined(ready: Sequence[bytes | str]) -> bytes:
    """Neighbouring tokens become one."""
    out: list[bytes] = []
    texts: list[str] = []
    for item in (*ready, b""):
        if isinstance(item, str):
            texts.append(item)
            continue
        if texts:
            out.append(encoded("token", TokenEvent(text="".join(texts))))
            texts = []
        out.append(item)
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
        outbox = Outbox()
        tasks = (
            self._start(self._run(outbox)),
            asyncio.create_task(_watch(receive, outbox)),
            asyncio.create_task(outbox.keep_alive()),
        )
        try:
            headers = self.raw_headers
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await outbox.write(send)
        finally:
            for task in tasks:
                task.cancel()

    async def _run(self, outbox: Outbox) -> None:
        try:
            await self._produce(outbox.emit)
        finally:
            outbox.end()


async def _watch(receive: Receive, outbox: Outbox) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    outbox.end()
