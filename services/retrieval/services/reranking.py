"""The reranking leg: a cross-encoder over the first passages, behind a breaker."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from services.retrieval.models.passage import FoundPassage
from services.retrieval.services.spending import Bill
from shared.ports import Model

# The recipe reranks this many; more cost time and money and did not gain.
DEPTH = 50
FAILURES_TO_OPEN = 3
OPEN_S = 5.0


@dataclass
class Breaker:
    """Opens after some failures in a row; every `OPEN_S` one call may try again."""

    clock: Callable[[], float] = monotonic
    _failures: int = 0
    _next_try: float = 0.0

    def allows(self) -> bool:
        if self._failures < FAILURES_TO_OPEN:
            return True
        now = self.clock()
        if now < self._next_try:
            return False
        self._next_try = now + OPEN_S
        return True

    def note(self, *, worked: bool) -> None:
        self._failures = 0 if worked else self._failures + 1
        if self._failures >= FAILURES_TO_OPEN:
            self._next_try = self.clock() + OPEN_S


@dataclass(frozen=True)
class Reranker:
    """`budget_s` bounds what a search waits; the model's answer is metered also when it is late."""

    model: Model
    model_id: str
    budget_s: float
    breaker: Breaker

    async def relevance(
        self, query: str, passages: Sequence[FoundPassage], bill: Bill
    ) -> dict[str, float]:
        """{passage id: relevance}; passages the model did not get to may be missing."""
        texts = [found.passage.matched_text for found in passages]
        answer = await bill.charge("rerank", self.model.rerank(self.model_id, query, texts))
        return {passages[index].passage.passage_id: score for index, score in answer.scores}
