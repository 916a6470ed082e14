"""Embeddings of questions: from a small cache, or by one metered call with a deadline."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from contracts.embedding import Embedding
from contracts.envelope import Context
from services.memory.models.turn import Vector
from shared.errors import Unavailable
from shared.metering import Bill, Metering
from shared.observability import metric
from shared.ports import Model

logger = logging.getLogger(__name__)
_HALF = np.dtype("<f2")
# About 2 KB each.
_KEPT = 2_000
# More is not read of a question: models take about 8,000 tokens.
_CHARACTERS = 4_000


@dataclass(frozen=True)
class Embeddings:
    """A question is embedded when it is asked and needed again when its turn is completed."""

    model: Model
    name: str
    dimension: int
    metering: Metering
    within_s: float
    cache: "OrderedDict[tuple[str, str], Vector]" = field(default_factory=OrderedDict)

    async def of(
        self, texts: Sequence[str], context: Context
    ) -> tuple[list[Vector | None], int, Decimal]:
        """One a text, and what the calls consumed; None where the model is away or late.

        A call that is late is metered and cached all the same.
        """
        keys = [(context.tenant, text[:_CHARACTERS]) for text in texts]
        missing = list(dict.fromkeys(key for key in keys if key not in self.cache))
        bill = Bill(self.metering, context)
        if missing:
            asking = asyncio.ensure_future(self._embed(missing, bill))
            asking.add_done_callback(_heard)
            try:
                async with asyncio.timeout(self.within_s):
                    await asyncio.shield(asking)
            except (Unavailable, TimeoutError) as error:
                metric("QuestionsNotEmbedded", len(missing))
                fields = {"reason": type(error).__name__}
                logger.warning("question_not_embedded", extra={"fields": fields})
            except Exception:
                # A model that refuses a text must not cost the turn.
                metric("QuestionsNotEmbedded", len(missing))
                logger.exception("question_not_embedded")
        found = [self.cache.get(key) for key in keys]
        return found, bill.input_tokens, bill.cost_usd

    def know(self, tenant: str, text: str, embedding: Embedding) -> None:
        """Somebody else has embedded the text; one of another model or form is no use."""
        try:
            vector = embedding.vector
        except ValueError:
            return
        if embedding.model == self.name and len(vector) == self.dimension:
            self._keep((tenant, text[:_CHARACTERS]), vector)

    def _keep(self, key: tuple[str, str], vector: Sequence[float]) -> None:
        halves = np.asarray(vector, dtype=_HALF).tobytes()
        self.cache[key] = Vector(model=self.name, dimension=len(vector), halves=halves)
        while len(self.cache) > _KEPT:
            self.cache.popitem(last=False)

    async def _embed(self, keys: Sequence[tuple[str, str]], bill: Bill) -> None:
        work = self.model.embed(self.name, [text for _, text in keys], "query")
        embedded = await bill.charge("remember", work)
        for key, vector in zip(keys, embedded.vectors, strict=True):
            self._keep(key, vector)


def _heard(asked: "asyncio.Future[None]") -> None:
    """Nobody may wait for it any more."""
    if not asked.cancelled():
        asked.exception()


def cosines(question: Vector, others: Sequence[Vector | None]) -> npt.NDArray[np.float32]:
    """Of each with the question; NaN for none and for one of another space."""
    found = np.full(len(others), np.nan, dtype=np.float32)
    space = (question.model, question.dimension)
    known = [at for at, one in enumerate(others) if one and (one.model, one.dimension) == space]
    if not known:
        return found
    joined = b"".join(one.halves for at in known if (one := others[at]))
    rows = np.frombuffer(joined, dtype=_HALF).reshape(len(known), -1).astype(np.float32)
    asked = np.frombuffer(question.halves, dtype=_HALF).astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(asked)
    found[known] = rows @ asked / np.maximum(lengths, 1e-9)
    return found
