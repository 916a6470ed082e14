"""The semantic tier: the kept answer to a question that means the same in other words."""

import asyncio
import logging
import math
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from contracts.embedding import Embedding
from services.gateway.models.shared_answer import Pieces
from services.gateway.models.turn import Question
from services.gateway.services.cache import likeness
from services.gateway.services.cache.flight import Flight
from services.gateway.services.ports import SharedAnswers
from services.gateway.services.spending.tenants import Tenants
from shared.errors import Unavailable, described
from shared.metering import Bill
from shared.observability import metric
from shared.ports import Model

logger = logging.getLogger(__name__)
# About 1 KB each.
_READ = lru_cache(maxsize=10_000)(likeness.read)


@dataclass(frozen=True)
class Alike:
    """For tenants that want it. `least` is the cosine from which two questions may be the same."""

    store: SharedAnswers
    tenants: Tenants
    model: Model
    embedding_model: str
    least: float
    within_s: float

    async def embedded(self, asked: Question, bill: Bill) -> Embedding | None:
        """The question's embedding, which retrieval and memory use too; None without the tier.

        A model that is away or late must not keep a question from its answer.
        """
        try:
            if not (await self.tenants.of(asked.principal.tenant)).cache.semantic:
                return None
            async with asyncio.timeout(self.within_s):
                call = self.model.embed(self.embedding_model, [asked.text], "query")
                [vector] = (await bill.charge("embed_query", call)).vectors
        except (Unavailable, TimeoutError) as error:
            fields = {"reason": described(error)}
            logger.warning("question_not_embedded", extra={"fields": fields})
            return None
        return Embedding.of(self.embedding_model, vector)

    async def find(self, flight: Flight, asked: Question, embedding: Embedding) -> Pieces | None:
        """The kept answer of the most similar question, of the same asker's view and conversation.

        The words decide first: they refuse most, and cost no call.
        """
        try:
            async with asyncio.timeout(self.within_s):
                best = await self._best(flight, asked, embedding)
        except (Unavailable, TimeoutError) as error:
            logger.warning("alike_missed", extra={"fields": {"reason": described(error)}})
            return None
        metric("OtherWordings", 1, outcome="found" if best else "none")
        return best

    async def _best(self, flight: Flight, asked: Question, embedding: Embedding) -> Pieces | None:
        question, least, vector = _READ(asked.text), self.least, embedding.vector
        best: Pieces | None = None
        for key, text in await self.store.alike(flight.place):
            if not likeness.may_share(question, _READ(text)):
                continue
            kept = await self.store.entry(flight.place, key)
            if kept is None or kept.model != embedding.model:
                continue
            known = Embedding(model=kept.model, values=kept.values)
            cosine = _cosine(vector, known.vector)
            if cosine >= least:
                least, best = cosine, kept.pieces
        return best


def _cosine(one: list[float], other: list[float]) -> float:
    lengths = math.hypot(*one) * math.hypot(*other)
    return sum(map(mul, one, other)) / lengths if lengths and len(one) == len(other) else 0.0
