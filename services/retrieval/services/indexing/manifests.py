"""A version from its manifest, with vectors of this index's own model."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from contracts.envelope import Context
from contracts.ingestion.manifest import ChunkLine, read
from services.retrieval.models.embedding_space import EmbeddingSpace, OtherEmbeddingSpace
from services.retrieval.models.passage import IndexedPassage, Passage
from shared.metering import Call, Metering
from shared.observability import metric
from shared.ports import Blobs, Model

logger = logging.getLogger(__name__)
# Passages that are embedded together: a crash repeats at most so many.
BATCH = 32
# Reading so many bytes takes less time than waking a thread.
SMALL = 64 * 1024
T = TypeVar("T")


class BadManifest(Exception):
    """The manifest does not hold what it should; reading it again will not help."""


@dataclass(frozen=True)
class Manifests:
    """Passages with vectors of another model are embedded anew (docs/adr/0016)."""

    blobs: Blobs
    model: Model
    metering: Metering
    space: EmbeddingSpace

    async def lines(self, key: str) -> list[ChunkLine]:
        """Raises BadManifest, NoSuchObject or Unavailable."""
        body = await self.blobs.get(key)
        try:
            return await _aside(len(body), lambda: list(read(body)))
        except ValueError as error:
            raise BadManifest(f"{key}: {error}") from error

    async def passages(self, lines: Sequence[ChunkLine], context: Context) -> list[IndexedPassage]:
        """Raises BadManifest, OtherEmbeddingSpace or Unavailable."""
        if all(EmbeddingSpace(line.model, line.dimension) == self.space for line in lines):
            size = sum(len(line.text) for line in lines)
            return await _aside(size, lambda: [_indexed(line) for line in lines])
        logger.warning("embedded_anew", extra={"fields": {"passages": len(lines)}})
        metric("PassagesEmbeddedAnew", len(lines))
        return [
            passage
            for start in range(0, len(lines), BATCH)
            for passage in await self._anew(lines[start : start + BATCH], context)
        ]

    async def _anew(self, lines: Sequence[ChunkLine], context: Context) -> list[IndexedPassage]:
        passages = [_passage(line) for line in lines]
        texts = [passage.matched_text for passage in passages]
        call = self.model.embed(self.space.model, texts, "passage")
        embedded = await self.metering.charge(Call("embed_passages", context), call)
        vectors = _encoded(embedded.vectors, self.space)
        return [
            IndexedPassage(passage, vector, line.mentions, line.about)
            for passage, vector, line in zip(passages, vectors, lines, strict=True)
        ]


async def _aside(size: int, work: Callable[[], T]) -> T:
    """On a thread when it is long: megabytes of JSON would hold up the event loop."""
    return work() if size <= SMALL else await asyncio.to_thread(work)


def _encoded(vectors: Sequence[Sequence[float]], space: EmbeddingSpace) -> list[bytes]:
    """Little-endian float16; raises OtherEmbeddingSpace for another dimension than the index's."""
    matrix = np.asarray(vectors, dtype="<f2")
    if matrix.ndim != 2 or matrix.shape[1] != space.dimension:
        raise OtherEmbeddingSpace(
            f"the index holds {space}, but the model answers vectors of shape {matrix.shape}: "
            "set RAGOPS_EMBEDDING_DIMENSION to the model's own"
        )
    return [row.tobytes() for row in matrix]


def named(lines: Sequence[ChunkLine]) -> list[IndexedPassage]:
    """Without vectors: the graph does not use them."""
    return [IndexedPassage(_passage(line), b"", line.mentions, line.about) for line in lines]


def _indexed(line: ChunkLine) -> IndexedPassage:
    try:
        vector = line.vector_bytes()
    except ValueError as error:
        raise BadManifest(str(error)) from error
    return IndexedPassage(_passage(line), vector, line.mentions, line.about)


def _passage(line: ChunkLine) -> Passage:
    return Passage(
        passage_id=line.passage_id,
        n=line.n,
        title=line.title,
        text=line.text,
        start=line.start,
        end=line.end,
        page=line.page,
        headings=line.headings,
        language=line.language,
    )
