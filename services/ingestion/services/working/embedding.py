"""Vectors for a document's chunks: known ones from the cache, the others from the model."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.ingestion.models.version import Claim
from services.ingestion.services.contexts import context_of
from services.ingestion.services.metering import Meter
from services.ingestion.store.vectors import Vectors, key_of
from shared.grouping import Grouping
from shared.ports import Model

# A long document's progress is kept this often; a crash repeats at most so many texts.
BATCH = 32
# Texts of small documents that share a call, and how many such calls are under way.
TOGETHER = 16
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """Texts of one document that are not in the cache."""

    claim: Claim
    texts: Sequence[str]

    @property
    def payer(self) -> tuple[str, str]:
        """Only documents of one user share a call: the model counts a call's tokens as a whole."""
        return self.claim.origin.tenant, self.claim.origin.principal or ""


@dataclass(frozen=True, slots=True)
class Made:
    """Little-endian float16 vectors; `metered` ends when what they cost is confirmed."""

    vectors: Sequence[bytes]
    metered: asyncio.Future[None]


class Embed:
    """One vector a text, little-endian float16, `dimension` numbers each."""

    def __init__(
        self, model: Model, vectors: Vectors, meter: Meter, model_id: str, dimension: int
    ) -> None:
        self.model_id, self.dimension = model_id, dimension
        self._model, self._vectors, self._meter = model, vectors, meter
        self._make = Grouping(
            self._together,
            most=TOGETHER,
            size=lambda wanted: len(wanted.texts),
            key=lambda wanted: wanted.payer,
            at_once=AT_ONCE,
        )

    async def __call__(self, claim: Claim, texts: Sequence[str]) -> list[bytes]:
        """The cache is the checkpoint: what was embedded before a crash is found there."""
        keys = [key_of(claim.origin.tenant, self.model_id, text) for text in texts]
        have = await self._vectors.get(keys)
        wanted = [place for place, key in enumerate(keys) if key not in have]
        missing = list({keys[place]: texts[place] for place in wanted}.items())
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            made = await self._make(Wanted(claim, [text for _, text in batch]))
            # Whoever is cancelled leaves the others' event alone.
            await asyncio.shield(made.metered)
            new = dict(zip((key for key, _ in batch), made.vectors, strict=True))
            await self._vectors.put((claim.document_id, new))
            have |= new
        return [have[key] for key in keys]

    async def _together(self, wanted: Sequence[Wanted]) -> list[Made]:
        """All of one payer."""
        texts = [text for each in wanted for text in each.texts]
        embedded = await self._model.embed(self.model_id, texts, "passage")
        documents = {each.claim.document_id for each in wanted}
        only = documents.pop() if len(documents) == 1 else None
        told = self._meter(context_of(wanted[0].claim.origin), only, embedded.report)
        metered = asyncio.ensure_future(told)
        vectors = iter(self._encoded(embedded.vectors))
        return [Made([next(vectors) for _ in each.texts], metered) for each in wanted]

    def _encoded(self, vectors: Sequence[Sequence[float]]) -> list[bytes]:
        matrix = np.asarray(vectors, dtype="<f2")
        if matrix.ndim != 2 or matrix.shape[1] != self.dimension:
            raise ValueError(
                f"{self.model_id} answers vectors of another dimension than"
                f" RAGOPS_EMBEDDING_DIMENSION={self.dimension}"
            )
        return [row.tobytes() for row in matrix]
