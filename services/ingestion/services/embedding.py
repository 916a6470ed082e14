"""Vectors for a document's chunks: known ones from the cache, the others from the model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.ingestion.models.version import Claim
from services.ingestion.services.contexts import context_of
from services.ingestion.services.metering import Meter
from services.ingestion.store.vectors import Vectors, key_of
from shared.ports import Embedded, Model

# A long document's progress is kept this often; a crash repeats at most so many calls.
BATCH = 32


@dataclass(frozen=True)
class Embed:
    """One vector a text, little-endian float16, `dimension` numbers each."""

    model: Model
    vectors: Vectors
    meter: Meter
    model_id: str
    dimension: int

    async def __call__(self, claim: Claim, texts: Sequence[str]) -> list[bytes]:
        """The cache is the checkpoint: what was embedded before a crash is found there."""
        keys = [key_of(claim.origin.tenant, self.model_id, text) for text in texts]
        have = await self.vectors.get(keys)
        wanted = [place for place, key in enumerate(keys) if key not in have]
        missing = list({keys[place]: texts[place] for place in wanted}.items())
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            embedded = await self.model.embed(self.model_id, [text for _, text in batch])
            await self.meter(context_of(claim.origin), claim.document_id, embedded.report)
            made = dict(zip((key for key, _ in batch), self._encoded(embedded), strict=True))
            await self.vectors.put((claim.document_id, made))
            have |= made
        return [have[key] for key in keys]

    def _encoded(self, embedded: Embedded) -> list[bytes]:
        matrix = np.asarray(embedded.vectors, dtype="<f2")
        if matrix.ndim != 2 or matrix.shape[1] != self.dimension:
            raise ValueError(
                f"{self.model_id} answers vectors of another dimension than"
                f" RAGOPS_EMBEDDING_DIMENSION={self.dimension}"
            )
        return [row.tobytes() for row in matrix]
