"""A version from its manifest, with vectors of this index's own model."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from contracts.envelope import Context
from contracts.ingestion.manifest import ChunkLine, manifest_key, passage_id, read
from services.retrieval.models.embedding_space import EmbeddingSpace, OtherEmbeddingSpace
from services.retrieval.models.passage import IndexedPassage, Passage
from services.retrieval.models.unindexable import BadManifest
from shared.metering import Call, Metering
from shared.observability import metric
from shared.ports import Blobs, Model

logger = logging.getLogger(__name__)
# Passages that are embedded together: a crash repeats at most so many.
BATCH = 32
# Reading so many bytes takes less time than waking a thread.
SMALL = 64 * 1024
T = TypeVar("T")


@dataclass(frozen=True)
class Manifests:
    """Passages with vectors of another model are embedded anew (docs/adr/0016)."""

    blobs: Blobs
    model: Model
    metering: Metering
    space: EmbeddingSpace

    async def lines(self, tenant: str, document_id: str, ordinal: int) -> list[ChunkLine]:
        """The version's chunks in order, from the key that these three give.

        Raises BadManifest, NoSuchObject or Unavailable.
        """
        key = manifest_key(tenant, document_id, ordinal)
        body = await self.blobs.get(key)
        try:
            lines = await _aside(len(body), lambda: list(read(body)))
        except ValidationError as error:
            raise bad_manifest(key, f"a line is no chunk ({_wrong(error)})") from None
        for n, line in enumerate(lines):
            if (line.n, line.passage_id) != (n, passage_id(document_id, ordinal, n)):
                raise bad_manifest(key, f"line {n + 1} is not this version's chunk {n}")
        return lines

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


def bad_manifest(key: str, problem: str) -> BadManifest:
    return BadManifest(f"{key}: {problem}. Delete the document, then upload it again")


def _wrong(error: ValidationError) -> str:
    """The first field that is wrong, and how; never its value, which is a document's text."""
    first = error.errors(include_input=False, include_context=False, include_url=False)[0]
    return f"{next(iter(first['loc']), 'the line')}: {first['type']}"


def named(lines: Sequence[ChunkLine]) -> list[IndexedPassage]:
    """Without vectors: the graph does not use them."""
    return [IndexedPassage(_passage(line), b"", line.mentions, line.about) for line in lines]


def _indexed(line: ChunkLine) -> IndexedPassage:
    try:
        vector = line.vector_bytes()
    except ValueError as error:
        problem = f"{error}. Delete the document, then upload it again"
        raise BadManifest(problem) from None
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
