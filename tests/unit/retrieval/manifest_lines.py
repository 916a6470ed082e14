"""Manifests as ingestion writes them, from the passages of making.py."""

from collections.abc import Sequence

from contracts.ingestion.manifest import (
    ChunkLine,
    DescribedVersion,
    encode_vector,
    manifest_key,
    write,
)
from services.retrieval.models.embedding_space import EmbeddingSpace
from shared.testing.fakes import FakeBlobs
from tests.unit.retrieval.making import SPACE, passages_of, version


def lines_of(
    document_id: str, ordinal: int, texts: Sequence[str], space: EmbeddingSpace = SPACE
) -> list[ChunkLine]:
    made = version("any", document_id, ordinal)
    described = DescribedVersion(
        name=made.name,
        media_type=made.media_type,
        created_at=made.created_at,
        tags=made.tags,
        metadata=dict(made.metadata),
    )
    return [
        ChunkLine(
            passage_id=p.passage.passage_id,
            n=p.passage.n,
            text=p.passage.text,
            start=p.passage.start,
            end=p.passage.end,
            mentions=("harbour",),
            model=space.model,
            dimension=space.dimension,
            vector=encode_vector(p.vector[: 2 * space.dimension]),
            version=described if p.passage.n == 0 else None,
        )
        for p in passages_of(document_id, ordinal, texts)
    ]


async def put_manifest(
    blobs: FakeBlobs, tenant: str, document_id: str, ordinal: int, texts: Sequence[str]
) -> str:
    key = manifest_key(tenant, document_id, ordinal)
    await blobs.put(key, write(lines_of(document_id, ordinal, texts)))
    return key
