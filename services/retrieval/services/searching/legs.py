"""One leg of a search: it keeps to its time, and its failure leaves the other legs alone."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Generic, Literal, TypeVar

from services.retrieval.models.embedding_space import EmbeddingSpace, OtherEmbeddingSpace
from shared.errors import Unavailable
from shared.metering import Bill
from shared.observability import metric, span
from shared.ports import Model

logger = logging.getLogger(__name__)
T = TypeVar("T")
# What SearchAnswered says of a leg.
LegState = Literal["applied", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """What became of a leg; `value` is None unless the leg was applied."""

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
    """An outage or a missed budget is `failed`; any other error is a defect and passes."""
    try:
        with watch.stage(leg):
            async with asyncio.timeout(budget_s):
                return Attempt("applied", await work)
    except (Unavailable, TimeoutError) as error:
        reason = str(error) or f"took over {budget_s} s"
        logger.warning("leg_failed", extra={"fields": {"leg": leg, "reason": reason}})
        return Attempt("failed")


@dataclass
class QueryEmbedding:
    """The vector of one request's query: made when a leg first asks for it, and once.

    Not at all when the asker gave it.
    """

    model: Model
    space: EmbeddingSpace
    bill: Bill
    watch: Stopwatch
    _vector: list[float] = field(default_factory=list)

    async def of(self, query: str) -> list[float]:
        """`space.dimension` numbers. Raises OtherEmbeddingSpace or Unavailable."""
        if self._vector:
            return self._vector
        with self.watch.stage("embed"):
            call = self.model.embed(self.space.model, [query], "query")
            answer = await self.bill.charge("embed_query", call)
        (vector,) = answer.vectors
        if len(vector) != self.space.dimension:
            raise OtherEmbeddingSpace(
                f"the index holds {self.space}, but the query's vector has {len(vector)} "
                "dimensions: set RAGOPS_EMBEDDING_DIMENSION to the model's own"
            )
        self._vector = vector
        return vector
