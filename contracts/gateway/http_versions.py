"""The HTTP shapes of a document's versions, of its text, and of a change to what is said of it."""

from typing import Annotated

from pydantic import BaseModel, Field

from contracts.gateway.http import (
    DOCUMENT_ID,
    END,
    PAGE,
    READERS,
    START,
    Body,
    Counts,
    Failure,
    Value,
    example,
)
from contracts.ingestion.document import Metadata, Reader, Tags

VERSION_MAX = 2**31 - 1


class DocumentChange(Body):
    """What is to be said of a document from now on; a field that is left out stays as it is."""

    model_config = example(
        tags=["travel", "2026"],
        metadata={"year": 2026, "draft": False},
        visibility=["user:ann", "group:law"],
    )

    tags: Tags = Field(default=(), description="takes the place of all tags")
    metadata: Metadata = Field(
        default_factory=dict,
        description="takes the place of all metadata; values are texts, numbers, true or false,"
        " and dates",
    )
    visibility: Annotated[tuple[Reader, ...], Field(min_length=1, max_length=64)] | None = Field(
        default=None, description=READERS
    )


class VersionView(BaseModel):
    """A version of a document."""

    model_config = example(
        version=2,
        status="ready",
        current=True,
        kept=True,
        name="handbook.pdf",
        media_type="application/pdf",
        content_hash="9f86d081884c7d65",
        size_bytes=182044,
        counts={"chunks": 42, "pages": 12, "characters": 31744, "entities": 17},
        tags=["travel"],
        metadata={"year": 2026},
        visibility=None,
        drawn_from=1,
        created_at="2026-11-02T08:30:00Z",
    )

    version: int = Field(description="its number, from 1")
    status: str = Field(description="as of a document, or `superseded`; more may be added")
    current: bool = Field(description="whether searches find it")
    kept: bool = Field(description="whether its text is kept, so that it can be restored")
    name: str = Field(description="the document's name")
    media_type: str | None = Field(default=None, description="the kind of file")
    content_hash: str | None = Field(
        default=None, description="the same for the same bytes of the same kind"
    )
    size_bytes: int | None = Field(default=None, description="bytes of the file, once it was read")
    counts: Counts = Field(default=Counts(), description="zeros until it is read")
    error: Failure | None = Field(default=None, description="why it is `rejected` or `failed`")
    tags: tuple[str, ...] = Field(default=(), description="its tags")
    metadata: dict[str, Value] = Field(
        default_factory=dict, description="its metadata; dates as ISO texts"
    )
    visibility: tuple[str, ...] | None = Field(default=None, description=READERS)
    drawn_from: int | None = Field(
        default=None, description="the version whose text it took over without reading it again"
    )
    created_at: str = Field(description="when it was taken in, RFC 3339 in UTC")


class VersionList(BaseModel):
    """The newest 200 versions that you may see, newest first."""

    model_config = example(
        versions=[
            {
                "version": 1,
                "status": "ready",
                "current": True,
                "kept": True,
                "name": "handbook.pdf",
                "created_at": "2026-11-02T08:30:00Z",
            }
        ]
    )

    versions: list[VersionView] = Field(description="newest first")


class ChunkView(BaseModel):
    """A piece of a document's text that is indexed by itself."""

    passage_id: str = Field(description="the id under which searches and citations know it")
    title: str = Field(default="", description="the document's title and the headings above it")
    text: str = Field(description="its own text")
    start: int = Field(description=START)
    end: int = Field(description=END)
    page: int | None = Field(default=None, description=PAGE)
    headings: tuple[str, ...] = Field(
        default=(), description="the headings above it, outermost first"
    )


class TextView(BaseModel):
    """The text of a version as it was read, in chunks."""

    model_config = example(
        document_id=DOCUMENT_ID,
        version=2,
        name="handbook.pdf",
        media_type="application/pdf",
        chunks=[
            {
                "passage_id": f"{DOCUMENT_ID}:2:0",
                "title": "Handbook: Travel",
                "text": "The daily allowance in Denmark is 70 euros.",
                "start": 0,
                "end": 43,
                "page": 1,
                "headings": ["Travel"],
            }
        ],
    )

    document_id: str = Field(description="the document's id")
    version: int = Field(description="the version, from 1")
    name: str = Field(description="the document's name")
    media_type: str | None = Field(default=None, description="the kind of file")
    chunks: list[ChunkView] = Field(description="in the order of the text")
