"""Versions, passages and vectors for tests."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from services.retrieval.models.document import Version
from services.retrieval.models.embedding_space import EmbeddingSpace
from services.retrieval.models.passage import IndexedPassage, Passage

DIMENSION = 8
SPACE = EmbeddingSpace("test.embedder-v1", DIMENSION)


def unit_vector(text: str) -> list[float]:
    """Texts that share words lie near each other; the same text always has the same vector."""
    vector = np.zeros(DIMENSION)
    for word in text.lower().split():
        vector += np.random.default_rng(sum(map(ord, word))).standard_normal(DIMENSION)
    length = float(np.linalg.norm(vector)) or 1.0
    return [float(x) for x in (vector / length).astype("<f2")]


def passage(document_id: str, ordinal: int, n: int, text: str, title: str = "") -> IndexedPassage:
    made = Passage(
        passage_id=f"{document_id}:{ordinal}:{n}",
        n=n,
        title=title,
        text=text,
        start=0,
        end=len(text),
        page=n + 1,
        headings=("One", "Two"),
        language="en",
    )
    vector = np.array(unit_vector(made.matched_text), "<f2").tobytes()
    return IndexedPassage(made, vector)


def version(
    tenant: str, document_id: str, ordinal: int = 1, visibility: tuple[str, ...] | None = None
) -> Version:
    return Version(
        tenant=tenant,
        document_id=document_id,
        ordinal=ordinal,
        name=f"{document_id}.md",
        media_type="text/markdown",
        created_at=datetime(2024, 5, 1, tzinfo=UTC),
        tags=("a", "b"),
        metadata={"year": 2024},
        visibility=visibility,
    )


def passages_of(document_id: str, ordinal: int, texts: Sequence[str]) -> list[IndexedPassage]:
    return [passage(document_id, ordinal, n, text) for n, text in enumerate(texts)]
