"""The HTTP server as something that runs until it is told to stop."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Protocol

import uvicorn
from fastapi import FastAPI

from services.gateway.http.connections import ConnectionLimits, limited


class Needed(Protocol):
    """A shared.lifecycle.Runnable."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...

    def alive(self) -> bool: ...


class _Server(uvicorn.Server):
    """Signals are the process's business (shared.lifecycle)."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that is opened at start, so that a port in use fails at once; 0 is a free port."""
    try:
        opened = socket.create_server((host, port), backlog=2048)
    except OSError as error:
        message = f"{host}:{port} cannot be listened on ({error.strerror}): set RAGOPS_PORT"
        raise OSError(error.errno, message) from error
    with opened:
        yield opened


class HttpServer:
    """On stop no new connection is accepted, and streams have `drain_s` to finish.

    `needed` is what they need for that: it runs as long as the server does.
    """

    def __init__(
        self,
        app: FastAPI,
        listener: socket.socket,
        *,
        drain_s: float,
        needed: Needed,
        limits: ConnectionLimits,
    ) -> None:
        self._listener, self._needed, self._drain_s = listener, needed, drain_s
        self._serving: asyncio.Task[None] | None = None
        self._stopped_at: float | None = None
        self.port: int = listener.getsockname()[1]
        self._server = _Server(
            uvicorn.Config(
                app,
                http=limited(limits),
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=limits.keep_alive_s,
                timeout_graceful_shutdown=max(1, int(drain_s)),
            )
        )

    def stop(self) -> None:
        self._server.should_exit = True
        self._stopped_at = self._stopped_at or time.monotonic()

    def alive(self) -> bool:
        """False when it serves no more, or when what its streams need does not get on."""
        serving = self._serving is None or not self._serving.done()
        return serving and self._needed.alive()

    def left_s(self) -> float:
        """Seconds of the drain that are left; all of them before a stop."""
        gone = time.monotonic() - self._stopped_at if self._stopped_at else 0.0
        return max(0.0, self._drain_s - gone)

    async def run(self) -> None:
        needed = asyncio.create_task(self._needed.run())
        serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        self._serving = serving
        await asyncio.wait((needed, serving), return_when=asyncio.FIRST_COMPLETED)
        self.stop()
        try:
            await serving
        finally:
            self._needed.stop()
            await needed
