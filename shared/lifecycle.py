"""A process's life: configure, start, run until SIGTERM or SIGINT, drain, exit code.

Start: logs, traces and metrics first, so that nothing goes unseen; then the service's own
bootstrap opens its clients and yields what is to run. Stop: every runnable is told to stop and
returns when it has drained; the bootstrap's exit then closes the clients; metrics are flushed
last. Exit code 0 after a signal, 1 when a runnable failed, 2 when it could not start.
"""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from shared.observability import (
    configure_logs,
    configure_metrics,
    configure_traces,
    flush_metrics,
)
from shared.outcomes import Handlers
from shared.settings import Settings

logger = logging.getLogger(__name__)
_FLUSH_S = 10.0


class Runnable(Protocol):
    """Something that works until it is told to stop."""

    async def run(self) -> None:
        """Returns when stopped and drained; an exception ends the process."""

    def stop(self) -> None: ...


@dataclass(frozen=True)
class Service:
    """A service as its bootstrap wired it.

    `handlers` are those of `runnables`, by queue: a test hands a message in without a bus.
    """

    runnables: Sequence[Runnable]
    handlers: Mapping[str, Handlers] = field(default_factory=dict)


Bootstrap = Callable[[], AbstractAsyncContextManager[Service]]


def run(service: str, bootstrap: Bootstrap) -> int:
    settings = Settings()
    configure_logs(service, settings.log_level)
    configure_traces(service, settings.otlp_url)
    configure_metrics(service, settings.metrics_namespace)
    try:
        import uvloop
    except ImportError:  # Windows has none
        return asyncio.run(_live(bootstrap))
    return uvloop.run(_live(bootstrap))


async def _live(bootstrap: Bootstrap) -> int:
    try:
        async with bootstrap() as service:
            _keep_for_good()
            logger.info("started")
            failed = await run_until_signal(service.runnables)
    except Exception:
        logger.exception("could_not_start")
        return 2
    flush_metrics()
    logger.info("stopped")
    return 1 if failed else 0


def _keep_for_good() -> None:
    """What was made until now is looked at by no collection: boto's models are a large graph."""
    gc.collect()
    gc.freeze()


async def run_until_signal(runnables: Sequence[Runnable]) -> bool:
    """True when a runnable failed; the others are drained all the same."""
    loop = asyncio.get_running_loop()

    def stop_all() -> None:
        for runnable in runnables:
            runnable.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_all)
    flusher = asyncio.create_task(_flush_regularly())
    tasks = [asyncio.create_task(runnable.run()) for runnable in runnables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    stop_all()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    flusher.cancel()
    with suppress(asyncio.CancelledError):
        await flusher
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        logger.error("runnable_failed", exc_info=failure)
    return bool(failures)


async def _flush_regularly() -> None:
    while True:
        await asyncio.sleep(_FLUSH_S)
        flush_metrics()
