"""The stand-in's embedding model in this process, with what it once embedded kept on disk."""

import os
from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compose.local.bedrock.encoder import Encoder
from compose.local.bedrock.graph import ready_graph
from compose.local.bedrock.settings import Settings
from services.retrieval.models.embedding_space import EmbeddingSpace
from shared.ports import Embedded, EmbedRole, ModelReport
from tests.unit.retrieval.fakes import FakeModel

MODEL = "local.minilm-l6-v2"
SPACE = EmbeddingSpace(MODEL, 384)
Vectors = npt.NDArray[np.float32]


class Embedder:
    """Embedding a set takes minutes, so its vectors stay in `folder` under the texts' hash."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._settings = folder, Settings(state=folder)
        self._encoder: Encoder | None = None

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, 384), each of length 1."""
        s = self._settings
        digest = sha256("\0".join(texts).encode()).hexdigest()[:16]
        kept = self._folder / f"vectors-{s.embed_tokens}-{digest}.npy"
        if not kept.exists():
            np.save(kept, self._ready().encode(texts))
        vectors: Vectors = np.load(kept)
        return vectors

    def _ready(self) -> Encoder:
        if self._encoder is None:
            s = self._settings
            graph = ready_graph(self._folder, s.embed_int8)
            self._encoder = Encoder(
                graph, s.embed_tokens, os.cpu_count() or 1, s.embed_batch_tokens
            )
        return self._encoder


class QueryModel(FakeModel):
    """A Model that knows the vectors of the set's queries."""

    def __init__(self, embedder: Embedder, queries: Sequence[str]) -> None:
        super().__init__()
        self._vectors = dict(zip(queries, embedder.encode(queries).tolist(), strict=True))

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        vectors = [self._vectors[text] for text in texts]
        return Embedded(vectors, ModelReport(model, 0, 0, Decimal(0), len(texts)))
