"""The HTTP shapes of documents, usage, health and problems, for controllers and clients.

They are the gateway's own and frozen by openapi.json: a message behind them may change, a field
here may only be added. Texts that name a state or kind are open: a reader must expect new ones.
"""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

STATUSES = "`accepted`, `processing`, `indexing`, `ready`, `rejected`, `failed` or `deleted`"
Value = str | int | float | bool | date
# Descriptions that several shapes share, and the document of the examples.
PAGE = "the page on which it begins, from 1; null where there are no pages"
START = "characters of the document's parsed text before the passage"
END = "characters of the document's parsed text up to the passage's end"
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


class DocumentAccepted(BaseModel):
    """The upload is stored and cannot be lost any more; it is not searchable yet."""

    model_config = example(document_id=DOCUMENT_ID, name="handbook.pdf", status="accepted")

    document_id: str = Field(description="the document's id, the same for all its versions")
    name: str = Field(description="the document's name: the file's, made safe")
    status: str = Field(description="`accepted`")


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
        cited=3,
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
    tags: tuple[str, ...] = Field(default=(), description="as given with the upload")
    metadata: dict[str, Value] = Field(
        default_factory=dict, description="as given with the upload; dates as ISO texts"
    )
    cited: int = Field(default=0, description="answers that cite the document")
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


class UsageSum(BaseModel):
    """Model calls and what they consumed."""

    calls: int = Field(description="calls of models")
    input_tokens: int = Field(description="tokens that models read")
    output_tokens: int = Field(description="tokens that models wrote")
    cost_usd: float = Field(description="USD, by the system's price list")


class UsageView(BaseModel):
    """A month's model calls."""

    model_config = example(
        month="2026-11",
        own={"calls": 12, "input_tokens": 20417, "output_tokens": 1893, "cost_usd": 0.00168},
        users=None,
    )

    month: str = Field(description="year and month, in UTC")
    own: UsageSum = Field(description="the token's own user")
    users: dict[str, UsageSum] | None = Field(
        default=None,
        description="all users of the tenant by name, for the scope `admin`; else null. `-` stands"
        " for documents that came in without a user",
    )


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
