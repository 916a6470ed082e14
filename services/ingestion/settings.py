"""Ingestion's settings."""

from pydantic import Field

from shared.settings import Settings


class IngestionSettings(Settings):
    database_url: str = "postgresql://postgres@127.0.0.1/ragops"
    # SQS SenderId → tenants it may send for; `*` stands for any. Nobody may until this is set.
    senders: dict[str, list[str]] = Field(default_factory=dict)
    max_document_bytes: int = Field(default=50 * 1024 * 1024, ge=1)
    parser_processes: int = Field(default=1, ge=1)
    parse_timeout_s: float = Field(default=60.0, gt=0)
    documents_in_flight: int = Field(default=64, ge=1)
    # How long a dead worker holds a document.
    lease_s: float = Field(default=30.0, gt=0)
    # The first wait for DocumentIndexed before DocumentChunked is sent again; it doubles.
    resend_s: float = Field(default=120.0, gt=0)
    upkeep_s: float = Field(default=2.0, gt=0)
    # Vectors of 1,024 numbers take some 2.3 KB each.
    vector_cache_rows: int = Field(default=200_000, ge=0)
    # A model that can be made to call a tool; without one, entities are found by rules.
    entity_model: str | None = None
    # Input and output of all its calls for a document; what finds no room is left to the rules.
    entity_tokens_max: int = Field(default=200_000, ge=0)
    entity_answer_tokens: int = Field(default=1000, ge=100)
    # Calls at once for one document; 1 suits a model on the same machine.
    entity_calls: int = Field(default=4, ge=1)
    # What was read in a passage takes some 1 KB.
    entity_cache_rows: int = Field(default=200_000, ge=0)
