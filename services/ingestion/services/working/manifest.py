"""A version's chunks and vectors as the lines of its manifest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contracts.ingestion.manifest import (
    ChunkLine,
    DescribedVersion,
    encode_vector,
    passage_id,
    write,
)
from contracts.ingestion.manifest import read as read_lines
from services.ingestion.models.parsed import Chunk, Extraction, Parsed
from services.ingestion.models.version import Claim
from services.ingestion.services.entities.extracting import extract


@dataclass(frozen=True)
class Manifest:
    """Its bytes, and how many different entities its passages name or are about."""

    body: bytes
    entities: int


def manifest(
    claim: Claim,
    parsed: Parsed,
    chunks: Sequence[Chunk],
    vectors: Sequence[bytes],
    *,
    model: str,
    dimension: int,
    read: Sequence[Extraction | None] | None = None,
) -> Manifest:
    """`read` is what a model read in each chunk, if there is a model."""

    def lines() -> Iterator[ChunkLine]:
        for n, (chunk, vector) in enumerate(zip(chunks, vectors, strict=True)):
            # A title and a heading are what the first passage under them is about: were the later
            # ones too, the name would soon have too many owners to lead anywhere.
            headings = () if chunk.headings in begun else chunk.headings
            begun.add(chunk.headings)
            known = read[n] if read else None
            found = extract(parsed.title if n == 0 else "", headings, chunk.text, known)
            names.update(found.about, found.mentions)
            yield ChunkLine(
                passage_id=passage_id(claim.document_id, claim.ordinal, n),
                n=n,
                title=chunk.title,
                text=chunk.text,
                start=chunk.start,
                end=chunk.end,
                page=chunk.page,
                headings=chunk.headings,
                language=parsed.language,
                mentions=found.mentions,
                about=found.about,
                relations=known.relations if known else (),
                model=model,
                dimension=dimension,
                vector=encode_vector(vector),
                version=_described(claim) if n == 0 else None,
            )

    names: set[str] = set()
    begun: set[tuple[str, ...]] = set()
    body = write(lines())
    return Manifest(body, len(names))


def drawn_manifest(claim: Claim, source: bytes) -> bytes:
    """The manifest of another version, as this one's: ids and description are its own."""
    lines = (
        line.model_copy(
            update={
                "passage_id": passage_id(claim.document_id, claim.ordinal, line.n),
                "version": _described(claim) if line.n == 0 else None,
            }
        )
        for line in read_lines(source)
    )
    return write(lines)


def _described(claim: Claim) -> DescribedVersion:
    return DescribedVersion(
        name=claim.name,
        media_type=claim.media_type or "",
        created_at=claim.created_at,
        tags=claim.description.tags,
        metadata=claim.description.metadata,
        visibility=claim.description.visibility,
        parents=claim.parents,
    )
