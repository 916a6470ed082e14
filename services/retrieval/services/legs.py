"""Runs one leg of a search: within its time, and without taking the others down."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Generic, TypeVar

from contracts.retrieval.search import LegState
from shared.errors import Unavailable
from shared.observability import metric, span

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """What became of a leg; `value` is None unless it was applied."""

    state: LegState
    value: T | None = None


@dataclass
class Stopwatch:
    """Milliseconds by stage."""

    took_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = perf_counter()
        try:
            with span(f"search {name}"):
                yield
        finally:
            self.took_ms[name] = round((perf_counter() - started) * 1000, 2)
            metric("SearchLatency", self.took_ms[name], "Milliseconds", stage=name)


async def attempt(
    leg: str, work: Coroutine[Any, Any, T], budget_s: float, watch: Stopwatch
) -> Attempt[T]:
    """An outage or a missed budget is an answer too; any other error is a defect and passes."""
    try:
        with watch.stage(leg):
            async with asyncio.timeout(budget_s):
                return Attempt("applied", await work)
    except (Unavailable, TimeoutError) as error:
        reason = str(error) or f"took over {budget_s} s"
        logger.warning("leg_failed", extra={"fields": {"leg": leg, "reason": reason}})
        return Attempt("failed")
