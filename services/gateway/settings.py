"""The gateway's settings, read from RAGOPS_* variables once, in bootstrap."""

from pydantic import Field, SecretStr, field_validator

from shared.settings import Settings

SECRET_MIN_BYTES = 32


class GatewaySettings(Settings):
    """Budgets are how long a turn waits for each leg before it goes on without it."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    token_secret: SecretStr
    # Two roles that may share a server: the cache may evict, the ledger must not (noeviction, AOF).
    redis_cache_url: str = "redis://127.0.0.1:6379/0"
    redis_ledger_url: str = "redis://127.0.0.1:6379/0"
    # Streams that run when the process is told to stop may finish.
    drain_s: float = Field(default=110.0, ge=0)

    # Tried in this order until one gives a first token.
    answer_models: tuple[str, ...] = Field(
        default=("amazon.nova-lite-v1:0", "amazon.nova-micro-v1:0"), min_length=1
    )
    # None: follow-ups are condensed by rule, without a model call.
    condense_model: str | None = None
    first_token_s: float = Field(default=20.0, gt=0)
    condense_s: float = Field(default=3.0, gt=0)
    retrieval_budget_ms: int = Field(default=4000, gt=0)
    memory_budget_ms: int = Field(default=2000, gt=0)
    documents_budget_ms: int = Field(default=2000, gt=0)
    ready_budget_ms: int = Field(default=2000, gt=0)

    source_count: int = Field(default=8, ge=1, le=50)
    # Text added to the sources of an answer where their sections go on, together.
    join_tokens: int = Field(default=1200, ge=0, le=32_000)
    prompt_tokens: int = Field(default=8000, ge=1000)
    answer_tokens: int = Field(default=1024, ge=1)
    upload_limit_bytes: int = Field(default=50 * 1024 * 1024, gt=0)

    @field_validator("token_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        if len(secret.get_secret_value().encode()) < SECRET_MIN_BYTES:
            raise ValueError(f"RAGOPS_TOKEN_SECRET needs at least {SECRET_MIN_BYTES} bytes")
        return secret
