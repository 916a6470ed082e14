"""A version's chunks and vectors as the lines of its manifest."""

from collections.abc import Sequence

from contracts.ingestion.manifest import ChunkLine, encode_vector, passage_id, write
from services.ingestion.models.parsed import Chunk
from services.ingestion.models.version import Claim


def manifest(
    claim: Claim,
    chunks: Sequence[Chunk],
    vectors: Sequence[bytes],
    *,
    model: str,
    dimension: int,
    language: str | None,
) -> bytes:
    return write(
        ChunkLine(
            passage_id=passage_id(claim.document_id, claim.ordinal, n),
            n=n,
            title=chunk.title,
            text=chunk.text,
            start=chunk.start,
            end=chunk.end,
            page=chunk.page,
            headings=chunk.headings,
            language=language,
            model=model,
            dimension=dimension,
            vector=encode_vector(vector),
        )
        for n, (chunk, vector) in enumerate(zip(chunks, vectors, strict=True))
    )
