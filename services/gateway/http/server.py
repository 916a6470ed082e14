"""The HTTP server as something that runs until it is told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Protocol

import uvicorn
from fastapi import FastAPI


class Needed(Protocol):
    """A shared.lifecycle.Runnable."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...


class _Server(uvicorn.Server):
    """Signals are the process's business (shared.lifecycle)."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Listens from the start, so that a port in use fails at once; `port` 0 takes a free one.

    On stop no new connection is accepted, and streams have `drain_s` to finish. `needed` is what
    they need for that: it runs as long as the server does.
    """

    def __init__(
        self, app: FastAPI, host: str, port: int, *, drain_s: float, needed: Needed
    ) -> None:
        try:
            self._socket = socket.create_server((host, port), backlog=2048)
        except OSError as error:
            message = f"{host}:{port} cannot be listened on ({error.strerror}): set RAGOPS_PORT"
            raise OSError(error.errno, message) from error
        self.port: int = self._socket.getsockname()[1]
        self._needed = needed
        self._server = _Server(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=max(1, int(drain_s)),
            )
        )

    def stop(self) -> None:
        self._server.should_exit = True

    async def run(self) -> None:
        needed = asyncio.create_task(self._needed.run())
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        await asyncio.wait((needed, serving), return_when=asyncio.FIRST_COMPLETED)
        self.stop()
        try:
            await serving
        finally:
            self._needed.stop()
            await needed
