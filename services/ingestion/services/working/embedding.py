"""Vectors for a document's chunks: known ones from the cache, the others from the model."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256

import numpy as np

from services.ingestion.models.version import Claim
from services.ingestion.services.announcing import context_of
from services.ingestion.services.ports import VectorCache
from shared.grouping import Grouping
from shared.metering import Call, Metering
from shared.ports import Model

# A long document's vectors are kept this often; a crash repeats at most so many texts.
BATCH = 32
# Texts of small documents that share a call, and how many such calls are under way.
TOGETHER = 16
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Texts of one document that are not in the cache."""

    claim: Claim
    texts: Sequence[str]

    @property
    def payer(self) -> tuple[str, str]:
        """Only documents of one user share a call: the model counts a call's tokens as a whole."""
        return self.claim.origin.tenant, self.claim.origin.principal or ""


@dataclass(frozen=True, slots=True)
class _Made:
    """Vectors of one document's texts, and their part of the call's price by characters.

    `metered` ends when the call's usage is confirmed.
    """

    vectors: Sequence[bytes]
    cost_usd: Decimal
    metered: asyncio.Future[None]


class Embed:
    """One vector a text: `dimension` little-endian float16 numbers."""

    def __init__(
        self, model: Model, cache: VectorCache, metering: Metering, model_id: str, dimension: int
    ) -> None:
        self.model_id, self.dimension = model_id, dimension
        self._model, self._cache, self._metering = model, cache, metering
        self._calls = Grouping(
            self._call,
            most=TOGETHER,
            size=lambda wanted: len(wanted.texts),
            key=lambda wanted: wanted.payer,
            at_once=AT_ONCE,
        )

    async def embed(self, claim: Claim, texts: Sequence[str]) -> list[bytes]:
        """The cache is the checkpoint: what was embedded before a crash is found there.

        Raises Unavailable when the model or the cache is away.
        """
        keys = [_key(claim.origin.tenant, self.model_id, text) for text in texts]
        have = await self._cache.get(keys)
        wanted = [place for place, key in enumerate(keys) if key not in have]
        missing = list({keys[place]: texts[place] for place in wanted}.items())
        claim.tally.embedded = len(texts) - len(wanted)
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            made = await self._calls.add(_Wanted(claim, [text for _, text in batch]))
            claim.tally.cost_usd += made.cost_usd
            # Cancelling one document must not cancel the event that others wait for.
            await asyncio.shield(made.metered)
            new = dict(zip((key for key, _ in batch), made.vectors, strict=True))
            await self._cache.put(claim.document_id, new)
            have |= new
            claim.tally.embedded += len(batch)
        return [have[key] for key in keys]

    async def _call(self, wanted: Sequence[_Wanted]) -> list[_Made]:
        """All of one payer; the event names the document when there is only one."""
        texts = [text for each in wanted for text in each.texts]
        embedded = await self._model.embed(self.model_id, texts, "passage")
        documents = {each.claim.document_id for each in wanted}
        only = documents.pop() if len(documents) == 1 else None
        context = context_of(wanted[0].claim.origin)
        call = Call("embed_passages", context, document_id=only)
        metered = self._metering.record(call, embedded.report)
        vectors = iter(self._encoded(embedded.vectors))
        part = embedded.report.cost_usd / (sum(map(len, texts)) or 1)
        return [
            _Made([next(vectors) for _ in each.texts], part * sum(map(len, each.texts)), metered)
            for each in wanted
        ]

    def _encoded(self, vectors: Sequence[Sequence[float]]) -> list[bytes]:
        matrix = np.asarray(vectors, dtype="<f2")
        if matrix.ndim != 2 or matrix.shape[1] != self.dimension:
            raise ValueError(
                f"{self.model_id} answers vectors of another dimension than"
                f" RAGOPS_EMBEDDING_DIMENSION={self.dimension}"
            )
        return [row.tobytes() for row in matrix]


def _key(tenant: str, model: str, embedded_text: str) -> bytes:
    """Tenants share nothing, not even the knowledge that somebody has the same text."""
    return sha256(f"{tenant}\0{model}\0{embedded_text}".encode()).digest()
