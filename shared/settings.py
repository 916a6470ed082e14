"""The settings that every service has, read from RAGOPS_* variables once, in bootstrap."""

from decimal import Decimal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.topology import CARRIER_BUCKET


class Settings(BaseSettings):
    """Frozen. `name_prefix` goes before each queue and topic: several systems in one account."""

    model_config = SettingsConfigDict(env_prefix="RAGOPS_", frozen=True, extra="ignore")

    aws_region: str = "us-east-1"
    aws_account: str = "000000000000"
    aws_endpoint_url: str | None = None
    bedrock_endpoint_url: str | None = None
    name_prefix: str = ""
    carrier_bucket: str = CARRIER_BUCKET
    # SQS holds a poll open for up to 20 s; a receive is never cancelled, so this bounds a stop.
    poll_wait_s: int = Field(default=20, ge=0, le=20)
    drain_s: float = Field(default=25.0, ge=0)
    embedding_model: str = "amazon.titan-embed-text-v2:0"
    embedding_dimension: int = 1024
    # Extra or changed prices: model id → USD per million (input, output) tokens.
    prices: dict[str, tuple[Decimal, Decimal]] = Field(default_factory=dict)
    otlp_url: str | None = None
    log_level: str = "INFO"
    metrics_namespace: str = "RagOps"

    def resource(self, name: str) -> str:
        return self.name_prefix + name
