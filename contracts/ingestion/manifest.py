"""The chunk manifest in S3: one JSON line a chunk, its vector as little-endian float16."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator

from pydantic import Field

from contracts.message import Shape

MANIFEST_FORMAT = 1


class ChunkLine(Shape):
    """A chunk: `start` and `end` are characters of the parsed text, `page` counts from 1.

    `relations` are (subject, predicate, object); subject and object stand among the mentions too.
    """

    passage_id: str
    n: int = Field(ge=0)
    title: str = ""
    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    page: int | None = None
    headings: tuple[str, ...] = ()
    language: str | None = None
    mentions: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    relations: tuple[tuple[str, str, str], ...] = ()
    model: str
    dimension: int = Field(ge=1)
    vector: str

    def vector_bytes(self) -> bytes:
        """`dimension` little-endian float16 numbers."""
        raw = b64decode(self.vector)
        if len(raw) != 2 * self.dimension:
            raise ValueError(f"{self.passage_id}: {len(raw)} bytes for {self.dimension} float16")
        return raw


def encode_vector(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")


def passage_id(document_id: str, ordinal: int, n: int) -> str:
    return f"{document_id}:{ordinal}:{n}"


def manifest_key(tenant: str, document_id: str, ordinal: int) -> str:
    return f"manifests/{tenant}/{document_id}/{ordinal}.jsonl"


def write(lines: Iterable[ChunkLine]) -> bytes:
    return "".join(line.model_dump_json(exclude_none=True) + "\n" for line in lines).encode()


def read(body: bytes) -> Iterator[ChunkLine]:
    """Raises pydantic's ValidationError at the first line that is no chunk."""
    return (ChunkLine.model_validate_json(line) for line in body.splitlines() if line)
