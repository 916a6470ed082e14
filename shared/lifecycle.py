"""A process's life: configure, start, run until SIGTERM or SIGINT, drain, exit code.

Start: logs, traces and metrics first, so that nothing goes unseen; then the service's own
bootstrap opens its clients and yields what is to run. Stop: every runnable is told to stop and
returns when it has drained; the bootstrap's exit then closes the clients; metrics are flushed
last, whatever happened. Exit code 0 after a signal, 1 when a runnable or the exit failed, 2 when
the service could not start.
"""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError
from pydantic_settings import SettingsError

from shared.errors import described
from shared.observability import (
    configure_logs,
    configure_metrics,
    configure_traces,
    flush_metrics,
    metric,
    shut_down_traces,
)
from shared.outcomes import Handlers
from shared.settings import Settings, unset

logger = logging.getLogger(__name__)
_FLUSH_S = 10.0
_BEAT_S = 5.0


class Runnable(Protocol):
    """Something that works until it is told to stop."""

    async def run(self) -> None:
        """Returns when stopped and drained; an exception ends the process."""

    def stop(self) -> None: ...

    def alive(self) -> bool:
        """False when it no longer gets on, though it has not ended. Asked every few seconds."""
        ...


@dataclass(frozen=True)
class Service:
    """A service as its bootstrap wired it.

    `handlers` are those of `runnables`, by queue: a test hands a message in without a bus.
    """

    runnables: Sequence[Runnable]
    handlers: Mapping[str, Handlers] = field(default_factory=dict)


Bootstrap = Callable[[], AbstractAsyncContextManager[Service]]


def run(service: str, bootstrap: Bootstrap) -> int:
    try:
        settings = Settings()
    except (ValidationError, SettingsError) as error:
        sys.stderr.write(unset(error))
        return 2
    configure_logs(service, settings.log_level)
    configure_traces(service, settings.otlp_url)
    configure_metrics(service, settings.metrics_namespace)
    try:
        import uvloop
    except ImportError:  # Windows has none
        return asyncio.run(_live(bootstrap, settings.heartbeat_file))
    return uvloop.run(_live(bootstrap, settings.heartbeat_file))


async def _live(bootstrap: Bootstrap, heartbeat: Path | None) -> int:
    asyncio.get_running_loop().set_exception_handler(_log_forgotten)
    started = failed = False
    try:
        async with bootstrap() as service:
            keep_for_good()
            started = True
            logger.info("started")
            failed = await run_until_signal(service.runnables, heartbeat)
    except Exception as error:
        reason = described(error)
        if started:
            logger.exception("could_not_stop", extra={"fields": {"reason": reason}})
            return 1
        if isinstance(error, (ValidationError, SettingsError)):
            reason = unset(error)
        logger.exception("could_not_start", extra={"fields": {"reason": reason}})
        return 2
    finally:
        flush_metrics()
        shut_down_traces()
    logger.info("stopped")
    return 1 if failed else 0


def _log_forgotten(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Asyncio's own line would show the error's words, which may quote a document."""
    error = context.get("exception")
    fields = {"what": str(context.get("message", ""))[:100]}
    logger.error("forgotten_error", exc_info=error, extra={"fields": fields})


def keep_for_good() -> None:
    """What was made until now is looked at by no collection: boto's models are a large graph."""
    gc.collect()
    gc.freeze()


async def run_until_signal(runnables: Sequence[Runnable], heartbeat: Path | None = None) -> bool:
    """True when a runnable failed or ended by itself; the others are drained all the same."""
    loop = asyncio.get_running_loop()
    told_to_stop = False

    def stop_all() -> None:
        nonlocal told_to_stop
        told_to_stop = True
        for runnable in runnables:
            runnable.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_all)
    upkeep = [
        asyncio.create_task(_flush_regularly()),
        asyncio.create_task(_beat(runnables, heartbeat)),
    ]
    tasks = [asyncio.create_task(runnable.run()) for runnable in runnables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    ended_alone = not told_to_stop
    if ended_alone:
        names = [
            type(one).__name__ for one, task in zip(runnables, tasks, strict=True) if task.done()
        ]
        logger.error("runnable_ended", extra={"fields": {"runnables": names}})
    stop_all()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for task in upkeep:
        task.cancel()
    await asyncio.gather(*upkeep, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        logger.error("runnable_failed", exc_info=failure)
    return ended_alone or bool(failures)


async def _flush_regularly() -> None:
    while True:
        await asyncio.sleep(_FLUSH_S)
        flush_metrics()


async def _beat(runnables: Sequence[Runnable], heartbeat: Path | None) -> None:
    """Touches the file while everything gets on: `python -m shared.health` reads its age."""
    while heartbeat is not None:
        stuck = [type(one).__name__ for one in runnables if not one.alive()]
        if stuck:
            logger.error("stuck", extra={"fields": {"runnables": stuck}})
        else:
            try:
                heartbeat.touch()  # noqa: ASYNC240 (a local file of no bytes)
                metric("Alive", 1)
            except OSError as error:
                fields = {"file": str(heartbeat), "error": described(error)}
                logger.error("heartbeat_file_not_written", extra={"fields": fields})
        await asyncio.sleep(_BEAT_S)
