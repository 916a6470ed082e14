"""The chunk manifest in S3: one JSON line a chunk, its vector as little-endian float16.

The first line also holds the version itself: a manifest alone is enough to index it.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import Field

from contracts.ingestion.document import Metadata, Name, Parents, Tags, Visibility
from contracts.message import Shape
from contracts.topology import MANIFESTS_PREFIX

MANIFEST_FORMAT = 1
_KEY = re.compile(rf"{MANIFESTS_PREFIX}([^/]+)/([^/]+)/([0-9]+)\.jsonl")


class DescribedVersion(Shape):
    """What a version's passages have in common, as DocumentChunked says it too."""

    name: Name
    media_type: str
    created_at: datetime
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    visibility: Visibility = None
    parents: Parents = ()


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
    version: DescribedVersion | None = None

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
    return f"{manifests_of(tenant, document_id)}{ordinal}.jsonl"


def manifests_of(tenant: str, document_id: str) -> str:
    """The prefix of all of a document's manifests."""
    return f"{MANIFESTS_PREFIX}{tenant}/{document_id}/"


def read_key(key: str) -> tuple[str, str, int] | None:
    """(tenant, document id, ordinal); None for a key that is no manifest's."""
    found = _KEY.fullmatch(key)
    return (found[1], found[2], int(found[3])) if found else None


def write(lines: Iterable[ChunkLine]) -> bytes:
    return "".join(line.model_dump_json(exclude_none=True) + "\n" for line in lines).encode()


def read(body: bytes) -> Iterator[ChunkLine]:
    """Raises pydantic's ValidationError at the first line that is no chunk."""
    return (ChunkLine.model_validate_json(line) for line in body.splitlines() if line)
