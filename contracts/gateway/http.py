"""The HTTP shapes of documents, health and problems, for controllers and clients.

They are the gateway's own and frozen by openapi.json: a message behind them may change, a field
here may only be added. Texts that name a state or kind are open: a reader must expect new ones.
"""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from contracts.ingestion.chunking import Chunking
from contracts.ingestion.document import Metadata, Reader, Tags

STATUSES = (
    "`accepted`, `parsing`, `embedding`, `indexing`, `ready`, `rejected`, `failed`, `deleting` or"
    " `deleted`"
)
Value = str | int | float | bool | date
# Descriptions that several shapes share, and the document of the examples.
PAGE = "the page on which it begins, from 1; null where there are no pages"
START = "characters of the document's parsed text before the passage"
END = "characters of the document's parsed text up to the passage's end"
READERS = "the users and groups who may see it; null: the whole tenant"
DOCUMENT_ID = "5b0f6c1e-7a43-5d0e-9d0e-6f3d2f0b8a11"


def example(**fields: Any) -> ConfigDict:
    """The configuration of a shape that has this example."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


_NO_TEXT = re.compile("[\0\ud800-\udfff]")


class Body(BaseModel):
    """What a client sends: an unknown field is an error, so that a typing slip is not ignored.

    Blanks round a text do not count, so a question of blanks only is too short.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _as_text(value: object) -> object:
    """NUL and halves of characters (lone surrogates) stand in no document: a sign takes them."""
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value


# What is asked for is searched as text, whatever it holds.
AskedText = Annotated[str, BeforeValidator(_as_text)]


class FieldError(BaseModel):
    """What is wrong with one field of the request."""

    field: str = Field(description="the field's path, such as `weights.bm25`")
    message: str = Field(description="what is wrong with it")


class Problem(BaseModel):
    """application/problem+json (RFC 9457)."""

    model_config = example(
        type="about:blank",
        title="Unprocessable Entity",
        status=422,
        detail="question: String should have at least 1 character",
        code="invalid_request",
        errors=[{"field": "question", "message": "String should have at least 1 character"}],
    )

    type: str = Field(default="about:blank", description="always `about:blank`: see `code`")
    title: str = Field(description="the status in words")
    status: int = Field(description="the response's HTTP status")
    detail: str = Field(description="what went wrong and what to do, for people")
    code: str = Field(description="what went wrong, for programs: stable")
    errors: list[FieldError] | None = Field(
        default=None, description="the fields that are wrong, when it is about fields"
    )
    limit: float | None = Field(
        default=None, description="of `budget_reached`: the limit, in dollars or tokens"
    )
    used: float | None = Field(default=None, description="of `budget_reached`: what is used of it")
    whose: str | None = Field(
        default=None, description="of `budget_reached`: whose limit it is, `tenant` or `user`"
    )
    resets_at: str | None = Field(
        default=None, description="of `budget_reached`: when the limit begins anew, RFC 3339 in UTC"
    )
    version: str | None = Field(
        default=None,
        description="of `label_elsewhere`: the version at which the label stands; left out: none",
    )


class DocumentAccepted(BaseModel):
    """The upload is stored and cannot be lost any more; it is not searchable yet."""

    model_config = example(document_id=DOCUMENT_ID, name="handbook.pdf", status="accepted")

    document_id: str = Field(description="the document's id, the same for all its versions")
    name: str = Field(description="the document's name: the file's, made safe")
    status: str = Field(description="`accepted`")


class UploadBody(Body):
    """A file that the client will send to S3 itself."""

    model_config = example(name="atlas.pdf", size=73_400_320, tags=["maps"])

    name: str = Field(
        min_length=1, max_length=1024, description="the file's name, with its folders"
    )
    size: int = Field(ge=1, description="the file's bytes")
    media_type: str | None = Field(
        default=None, max_length=255, description="left out: by the name's ending"
    )
    tags: Tags = Field(default=(), description="texts to filter by")
    metadata: Metadata = Field(default_factory=dict, description="fields to filter by")
    visibility: Annotated[tuple[Reader, ...], Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="users and groups who may see it; left out: the whole tenant"
    )
    chunking: Chunking | None = Field(
        default=None, description="how it is cut into passages; left out: as the tenant has it"
    )


class UploadGrant(BaseModel):
    """Send the file as multipart/form-data to `url`: the `fields` first, then the field `file`."""

    model_config = example(
        document_id=DOCUMENT_ID,
        name="atlas.pdf",
        url="https://ragops-carrier.s3.eu-central-1.amazonaws.com/",
        fields={"key": "uploads/acme/…/atlas.pdf", "policy": "…", "x-amz-signature": "…"},
        expires_at="2026-11-26T10:15:00+00:00",
    )

    document_id: str = Field(description="the document's id, the same for all its versions")
    name: str = Field(description="the document's name: the file's, made safe")
    url: str = Field(description="where to send the file to")
    fields: dict[str, str] = Field(description="fields of the form, before the file")
    expires_at: str = Field(description="until then S3 takes the file; later the document fails")


class Counts(BaseModel):
    """What the newest version of a document holds."""

    chunks: int = Field(default=0, ge=0, description="pieces that are indexed one by one")
    pages: int = Field(default=0, ge=0, description="pages, where the kind of file has them")
    characters: int = Field(default=0, ge=0, description="characters of the parsed text")
    entities: int = Field(default=0, ge=0, description="names found for the knowledge graph")


class Failure(BaseModel):
    """Why a document is not ready."""

    code: str = Field(description="for programs: stable")
    message: str = Field(description="what went wrong and what to do, for people")


class DocumentView(BaseModel):
    """Where a document stands."""

    model_config = example(
        document_id=DOCUMENT_ID,
        name="handbook.pdf",
        status="ready",
        counts={"chunks": 42, "pages": 12, "characters": 31744, "entities": 17},
        error=None,
        media_type="application/pdf",
        tags=["travel"],
        metadata={"year": 2026, "draft": False},
        visibility=["user:ann", "group:law"],
        version=2,
        owner="ann",
        source="http",
        cited=3,
        attempts=1,
        stages={"waiting": 0.02, "parsing": 0.31, "embedding": 0.9, "indexing": 0.4},
        progress=None,
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        cost_usd=0.00012,
        created_at="2026-11-02T08:30:00Z",
        updated_at="2026-11-02T08:30:04Z",
    )

    document_id: str = Field(description="the document's id, the same for all its versions")
    name: str = Field(description="the document's name, unique in its tenant")
    status: str = Field(description=f"{STATUSES}; more may be added")
    counts: Counts = Field(default=Counts(), description="zeros until the document is parsed")
    error: Failure | None = Field(
        default=None, description="why the document is `rejected` or `failed`"
    )
    media_type: str | None = Field(default=None, description="the kind of file")
    tags: tuple[str, ...] = Field(default=(), description="as given last")
    metadata: dict[str, Value] = Field(
        default_factory=dict, description="as given last; dates as ISO texts"
    )
    visibility: tuple[str, ...] | None = Field(default=None, description=READERS)
    version: int | None = Field(default=None, description="its newest version, from 1")
    owner: str | None = Field(default=None, description="the user of its first version")
    source: str | None = Field(
        default=None, description="how it came in: `http`, `drop`, `message` or `part`"
    )
    cited: int = Field(default=0, description="answers that cite the document")
    attempts: int = Field(
        default=0, description="how often work on the newest version began; a retry begins at 0"
    )
    stages: dict[str, float] = Field(
        default_factory=dict,
        description="seconds by stage: `waiting`, `parsing`, `embedding`, `indexing`; more may be"
        " added",
    )
    progress: float | None = Field(
        default=None, description="the part of the chunks that is embedded, 0 to 1; else null"
    )
    trace_id: str | None = Field(
        default=None, description="the trace of the upload, as in logs and traces"
    )
    cost_usd: float = Field(
        default=0.0, description="USD for model calls of the newest version, by the price list"
    )
    parent_id: str | None = Field(
        default=None, description="the archive or mail that the document came in"
    )
    parts: int = Field(
        default=0, description="documents that came in it: an archive's files, a mail's attachments"
    )
    note: str | None = Field(
        default=None, description="what of the document was not read, and what to do"
    )
    waiting_for: str | None = Field(
        default=None, description="why work on it has not begun, for people; null: it is its turn"
    )
    created_at: str | None = Field(default=None, description="first upload, RFC 3339 in UTC")
    updated_at: str | None = Field(
        default=None, description="last change of the status, RFC 3339 in UTC"
    )


class DocumentList(BaseModel):
    """A page of documents, newest first."""

    model_config = example(
        documents=[{"document_id": DOCUMENT_ID, "name": "handbook.pdf", "status": "ready"}],
        next=None,
    )

    documents: list[DocumentView] = Field(description="the page")
    next: str | None = Field(
        default=None, description="pass it as `after` for the next page; null on the last one"
    )


class PlacePurged(BaseModel):
    """What a service removed of a deleted document from one of its places."""

    service: str = Field(description="who removed it")
    place: str = Field(description="where it lay, such as `passages`; more may be added")
    removed: int = Field(ge=0, description="how many things were removed there")
    at: str = Field(description="when, RFC 3339 in UTC")


class CertificateView(BaseModel):
    """What the newest deletion of a document removed, where and when."""

    model_config = example(
        document_id=DOCUMENT_ID,
        name=None,
        deleted_at="2026-11-02T09:00:00Z",
        deleted_by="ann",
        complete=True,
        places=[
            {
                "service": "retrieval",
                "place": "passages",
                "removed": 42,
                "at": "2026-11-02T09:00:01Z",
            }
        ],
        missing=[],
    )

    document_id: str = Field(description="the document's id")
    name: str | None = Field(
        default=None, description="the document's name; null once it is forgotten"
    )
    deleted_at: str = Field(description="when it was deleted, RFC 3339 in UTC")
    deleted_by: str | None = Field(
        default=None, description="the user who deleted it; null for an operator's message"
    )
    complete: bool = Field(description="whether every service that held something has confirmed")
    places: list[PlacePurged] = Field(default=[], description="what was removed, by service")
    missing: list[str] = Field(default=[], description="the services that have not confirmed yet")


class Liveness(BaseModel):
    """The process is up."""

    model_config = example(status="ok")

    status: str = Field(description="`ok`")


class Readiness(BaseModel):
    """Which services answer."""

    model_config = example(
        ready=True,
        services=dict.fromkeys(
            ("gateway", "retrieval", "memory", "ingestion", "finetune_export"), "ok"
        ),
    )

    ready: bool = Field(description="whether all of them answer")
    services: dict[str, str] = Field(description="by service: `ok` or `no answer`")
