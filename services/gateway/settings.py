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
    # For both; a user or password in an address comes before these.
    redis_user: str = Field(
        default="", description="user for Redis; empty: Redis' own user `default`"
    )
    redis_password: SecretStr = Field(
        default=SecretStr(""), description="password for Redis; empty: none"
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
    keep_alive_s: int = Field(
        default=5,
        ge=1,
        description="seconds that a connection waits for its next request; behind a load balancer"
        " longer than the balancer's own idle time, or it sends requests to closed connections",
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
    guardrail_id: str | None = Field(
        default=None,
        description="id or ARN of a Bedrock guardrail that looks at every question and answer",
    )
    guardrail_version: str = Field(
        default="DRAFT", description="the guardrail's version: a number, or DRAFT"
    )
    canary_window_s: float = Field(
        default=600.0,
        gt=0,
        description="seconds back from now in which a canary's turns are compared with"
        " production's",
    )
    canary_turns: int = Field(
        default=5, ge=1, description="turns that a canary has before it is judged"
    )
    canary_failures: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="a canary goes back when its share of failed turns is surely greater than"
        " production's by more than this; 1: never",
    )
    canary_refusals: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="the same for answers that cite nothing although sources were found",
    )
    canary_cost: float = Field(
        default=2.0,
        gt=0,
        description="a canary goes back when its turn surely costs more than so many times one of"
        " production",
    )
    canary_check_s: float = Field(
        default=15.0,
        gt=0,
        description="seconds between two looks at all canaries; each turn of one is followed by a"
        " look of its own",
    )
    shadows_at_once: int = Field(
        default=4,
        ge=0,
        description="answers of the label `shadow` that a gateway makes at the same time; a turn"
        " above that has none; 0: never",
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
    summarise_model: str | None = Field(
        default=None,
        description="model that summarises long conversations after an answer; left out: their"
        " questions are listed by rule, without a model call",
    )
    summarise_s: float = Field(
        default=30.0, gt=0, description="seconds that the summarising model has"
    )
    erasure_check_s: float = Field(
        default=60.0,
        gt=0,
        description="seconds after which an erasure looks again for turns that came late",
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
    text_budget_ms: int = Field(
        default=10_000,
        gt=0,
        description="milliseconds that ingestion has to show a document's text",
    )
    ready_budget_ms: int = Field(
        default=2000, gt=0, description="milliseconds that each service has to show it is ready"
    )

    audience_budget_ms: int = Field(
        default=1000,
        gt=0,
        description="milliseconds that retrieval has to say which documents a user's names open;"
        " later the question is answered for that user alone",
    )
    cache_max_age_s: float = Field(
        default=3600.0, gt=0, le=3600, description="seconds that an answer may be given again"
    )
    cache_lease_s: float = Field(
        default=10.0,
        gt=0,
        description="seconds after which askers of the same question stop waiting for a gateway"
        " that is gone",
    )
    cache_gather_s: float = Field(
        default=0.1,
        ge=0,
        description="seconds for which text gathers before those who wait for the same answer get"
        " it",
    )

    cache_alike: float = Field(
        default=0.92,
        ge=-1,
        le=1,
        description="cosine of two questions from which a tenant's semantic cache may take them for"
        " the same; `python -m tests.quality.alike` chooses it for the embedding model",
    )
    cache_embed_s: float = Field(
        default=0.5,
        gt=0,
        description="seconds that the semantic cache waits for a question's embedding",
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
    rerank_model: str | None = Field(
        default="amazon.rerank-v1:0",
        description="retrieval's reranker, whose price a question's budget holds; null: none",
    )
    hold_s: float = Field(
        default=75.0,
        gt=0,
        description="seconds that the budget of an answer stays held when its gateway dies; a third"
        " of it later at most it is charged as if it had been used up",
    )
    token_requests_minute: int | None = Field(
        default=None, ge=1, description="requests a minute of one token; left out: no limit"
    )
    answer_tokens: int = Field(default=1024, ge=1, description="tokens of an answer at most")
    upload_limit_bytes: int = Field(
        default=50 * 1024 * 1024, gt=0, description="bytes of an uploaded file at most"
    )
    direct_upload_limit_bytes: int = Field(
        default=100 * 1024 * 1024,
        gt=0,
        description="bytes of a file at most that a client puts into S3 itself (POST /v1/uploads)",
    )
    direct_upload_s: int = Field(
        default=900,
        ge=1,
        le=6 * 3600,
        description="seconds that a client has to begin such an upload; the file is awaited twice"
        " as long",
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

    @property
    def priced(self) -> tuple[tuple[str | None, ...], str | None]:
        """Models that must have a price by token, and the one by query."""
        answering = (*self.answer_models, self.condense_model, self.summarise_model)
        return (*answering, self.embedding_model), self.rerank_model
