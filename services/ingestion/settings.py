"""Ingestion's settings."""

from typing import Literal

from pydantic import Field, SecretStr

from contracts.ingestion.chunking import DEFAULT_CHUNKING, Chunking
from shared.settings import Settings


class IngestionSettings(Settings):
    """Read from RAGOPS_* variables once, in bootstrap."""

    database_url: str = Field(
        default="postgresql://postgres@127.0.0.1/ragops",
        description="PostgreSQL database of documents and work, as postgresql://user@host/name",
    )
    # These take the URL's place once a host is set.
    database_host: str | None = Field(
        default=None,
        description="host of PostgreSQL; with it the address is made of RAGOPS_DATABASE_HOST,"
        " _PORT, _NAME and _USER, and RAGOPS_DATABASE_URL does not count",
    )
    database_port: int = Field(default=5432, ge=1, le=65535, description="port of PostgreSQL")
    database_name: str = Field(default="ragops", description="the database's name")
    database_user: str = Field(default="ragops", description="user for PostgreSQL")
    database_auth: Literal["password", "iam"] = Field(
        default="password",
        description="how PostgreSQL knows the user: by RAGOPS_DATABASE_PASSWORD, or on RDS by a"
        " token that the task's role makes for each new connection (always with TLS)",
    )
    database_password: SecretStr = Field(
        default=SecretStr(""), description="password for PostgreSQL; empty: none"
    )
    migrate: bool = Field(
        default=True,
        description="whether ingestion brings the tables up to date when it starts; false: it"
        " refuses to start until `python -m services.ingestion.migrate` has done so",
    )
    senders: dict[str, list[str]] = Field(
        default_factory=dict,
        description="JSON: who may put documents on the queue ingestion-documents, as SQS SenderId"
        ' to tenants; "*" stands for any sender or tenant, and nobody may until this is set. A'
        " sender of every tenant is a relay, such as this service's own role when it sends a"
        " message again: for its messages the first sender is judged, where they name one",
    )
    # S3 sends with a role of its own, one for each region, in the session S3-PROD-END. These are
    # the ones that messages of several accounts show, of us-east-1, us-west-2 and eu-west-2. The
    # session's name proves nothing: whoever takes on a role chooses it.
    s3_senders: tuple[str, ...] = Field(
        default=("AROA4R74ZO52XAB5OD7T4", "AROAUWHQT37XQVCB4XU5S", "AROA5LVVW55647YN4KVPZ"),
        description="JSON: the SQS SenderId of S3 itself, without the part after the colon; its"
        ' notifications are believed for every tenant, and "*" stands for any sender. The default'
        " holds us-east-1, us-west-2 and eu-west-2; in another region the first drop's dead letter"
        " names the id to add",
    )
    max_document_bytes: int = Field(
        default=100 * 1024 * 1024, ge=1, description="bytes that a document may have at most"
    )
    parser_processes: int = Field(
        default=1, ge=1, description="processes that read files; each reads one at a time"
    )
    parse_timeout_s: float = Field(
        default=30.0, gt=0, description="seconds to read a file; after that it is rejected"
    )
    parser_memory_mb: int = Field(
        default=512,
        ge=128,
        description="MB of memory that a process that reads files may take; a file that needs more"
        " is rejected",
    )
    ocr_languages: str = Field(
        default="eng",
        description="languages of scanned pages and pictures, as Tesseract names them and with its"
        " data installed, such as `deu+eng`; empty: they are not read",
    )
    ocr_pages_max: int = Field(
        default=200, ge=1, description="scanned pages of a document; with more it is rejected"
    )
    chunking: Chunking = Field(
        default=DEFAULT_CHUNKING,
        description="how documents are cut that do not say it themselves (docs/chunking.md)",
    )
    documents_in_flight: int = Field(
        default=64, ge=1, description="documents that a process works on at the same time"
    )
    lease_s: float = Field(
        default=30.0, gt=0, description="seconds that a dead process holds its documents"
    )
    resend_s: float = Field(
        default=120.0,
        gt=0,
        description="seconds to wait for retrieval's answer before DocumentChunked is published"
        " again; they double each time, up to 15 minutes",
    )
    answer_s: float = Field(
        default=24 * 3600.0,
        gt=0,
        description="seconds to wait for retrieval's answer in all; after that the version has"
        " failed",
    )
    upkeep_s: float = Field(
        default=2.0,
        gt=0,
        description="seconds between two looks for events to publish again and objects to purge",
    )
    reconcile_s: float = Field(
        default=600.0,
        gt=0,
        description="seconds between two comparisons of the carrier bucket with the registry, which"
        " take in drops whose notification was lost",
    )
    # As long as a message may come that brings the upload: 4 days in the queue, 14 among its dead
    # letters, and one more.
    unused_upload_s: float = Field(
        default=19 * 24 * 3600.0,
        gt=0,
        description="seconds after which an upload that no document uses is deleted; shorter than a"
        " message may wait in a queue, and accepted documents can be lost",
    )
    backlog_s: float = Field(
        default=30.0,
        gt=0,
        description="seconds between two looks at the documents that wait for a worker, which are"
        " published as the metrics claimable_documents and oldest_claimable_age_s",
    )
    kept_versions: int = Field(
        default=5,
        ge=1,
        description="versions of a document that are kept with their files as long as it lives,"
        " the newest one included; older ones cannot be restored",
    )
    vector_cache_rows: int = Field(
        default=200_000,
        ge=0,
        description="rows of the cache of vectors; with 1,024 numbers a row takes about 2.3 KB",
    )
    entity_model: str | None = Field(
        default=None,
        description="model that finds entities and relations; it must be able to call a tool."
        " Without one, rules find the entities",
    )
    entity_tokens_max: int = Field(
        default=200_000,
        ge=0,
        description="input and output tokens of the entity model for a document; the rules find"
        " the entities of the passages above it",
    )
    entity_answer_tokens: int = Field(
        default=1000, ge=100, description="output tokens of the entity model for a passage"
    )
    entity_calls: int = Field(
        default=4,
        ge=1,
        description="calls of the entity model at the same time for a document; 1 suits a model on"
        " the same machine",
    )
    entity_cache_rows: int = Field(
        default=200_000,
        ge=0,
        description="rows of the cache of what the entity model found; a row takes about 1 KB",
    )
