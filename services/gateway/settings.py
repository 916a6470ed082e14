"""The gateway's settings."""

from pydantic import Field, SecretStr, field_validator

from shared.settings import Settings

SECRET_MIN_BYTES = 32


class GatewaySettings(Settings):
    """Read from RAGOPS_* variables once, in bootstrap."""

    host: str = Field(
        default="127.0.0.1", description="address to listen on; 0.0.0.0 is every address"
    )
    port: int = Field(
        default=8080, ge=0, le=65535, description="port to listen on; 0 takes a free one"
    )
    token_secret: SecretStr = Field(
        description="signs access tokens, at least 32 bytes; who knows it can be any user"
    )
    # Two roles that may share a server.
    redis_cache_url: str = Field(
        default="redis://127.0.0.1:6379/0",
        description="Redis for sessions and notes of uploads; it may evict",
    )
    redis_ledger_url: str = Field(
        default="redis://127.0.0.1:6379/0",
        description="Redis for usage; it must not evict or lose anything (noeviction, AOF)",
    )
    drain_s: float = Field(
        default=110.0, ge=0, description="seconds for answers under way to end after a stop"
    )

    connections: int = Field(
        default=2000, ge=1, description="connections that may be open; one more gets a 503"
    )
    head_s: float = Field(
        default=10.0, gt=0, description="seconds that a client has to send a request's head"
    )
    body_idle_s: float = Field(
        default=30.0,
        gt=0,
        description="seconds without a byte of a request's body before the client gets a 408",
    )
    record_s: float = Field(
        default=10.0,
        gt=0,
        description="seconds that a finished answer waits for its record to be confirmed; later it"
        " ends with the error not_recorded, and the record is sent on",
    )

    answer_models: tuple[str, ...] = Field(
        default=("amazon.nova-lite-v1:0", "amazon.nova-micro-v1:0"),
        min_length=1,
        description="JSON list of models that answer, tried in this order until one gives a first"
        " token",
    )
    condense_model: str | None = Field(
        default=None,
        description="model that turns a follow-up into a query of its own; left out: rules do it,"
        " without a model call",
    )
    first_token_s: float = Field(
        default=20.0, gt=0, description="seconds that a model has for its first token"
    )
    condense_s: float = Field(
        default=3.0, gt=0, description="seconds that the condensing model has for its query"
    )
    retrieval_budget_ms: int = Field(
        default=4000, gt=0, description="milliseconds that retrieval has for a search"
    )
    memory_budget_ms: int = Field(
        default=2000, gt=0, description="milliseconds that memory has for earlier turns"
    )
    documents_budget_ms: int = Field(
        default=2000, gt=0, description="milliseconds that ingestion has to answer about documents"
    )
    ready_budget_ms: int = Field(
        default=2000, gt=0, description="milliseconds that each service has to show it is ready"
    )

    source_count: int = Field(
        default=8, ge=1, le=50, description="passages that an answer may use, at most"
    )
    join_tokens: int = Field(
        default=1200,
        ge=0,
        le=32_000,
        description="tokens of text added to the sources of an answer where their sections go on,"
        " all together",
    )
    prompt_tokens: int = Field(
        default=8000,
        ge=1000,
        description="tokens of a prompt at most: sources, earlier turns and question",
    )
    answer_tokens: int = Field(default=1024, ge=1, description="tokens of an answer at most")
    upload_limit_bytes: int = Field(
        default=50 * 1024 * 1024, gt=0, description="bytes of an uploaded file at most"
    )
    uploads_at_once: int = Field(
        default=4,
        ge=1,
        description="uploads that are read at the same time; each takes about 13 MiB of memory,"
        " others wait",
    )
    upload_wait_s: float = Field(
        default=10.0,
        gt=0,
        description="seconds that an upload waits for its turn before it is refused with 503",
    )
    call_s: float = Field(
        default=10.0,
        gt=0,
        description="seconds that S3 or SQS have for a call of an upload before it is refused with"
        " 503",
    )
    reconcile_s: float = Field(
        default=30.0,
        gt=0,
        description="seconds between two looks for accepted uploads that ingestion does not know;"
        " one that is older than this is asked for, and sent again",
    )

    @field_validator("token_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        if len(secret.get_secret_value().encode()) < SECRET_MIN_BYTES:
            raise ValueError(f"RAGOPS_TOKEN_SECRET needs at least {SECRET_MIN_BYTES} bytes")
        return secret
