"""The settings that every service has, read from RAGOPS_* variables once, in bootstrap."""

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from contracts.topology import CARRIER_BUCKET


class Settings(BaseSettings):
    """Frozen. Where one of ours is not set, boto's usual variable counts."""

    model_config = SettingsConfigDict(
        env_prefix="RAGOPS_",
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        # As in JSON: it takes away what has a default.
        env_parse_none_str="null",
    )

    aws_region: str = Field(
        default="us-east-1",
        validation_alias=AliasChoices("RAGOPS_AWS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
        description="region of queues, topics, buckets, tables and models",
    )
    aws_account: str | None = Field(
        default=None,
        pattern=r"^\d{12}$",
        description="account id, a part of topic and queue ARNs; left out: asked once at the start,"
        " of the container's ECS metadata, else of STS",
    )
    aws_endpoint_url: str | None = Field(
        default=None,
        description="an emulator's address for every AWS service; one service's own address goes"
        " into botocore's AWS_ENDPOINT_URL_<SERVICE>",
    )
    bedrock_endpoint_url: str | None = Field(
        default=None, description="address of a stand-in for Bedrock and for SageMaker's trainings"
    )
    name_prefix: str = Field(
        default="",
        description="goes before each queue, topic, bucket and table: several systems in one"
        " account",
    )
    carrier_bucket: str = Field(
        default=CARRIER_BUCKET,
        description="bucket for uploads, drops and manifests, without the name prefix",
    )
    poll_wait_s: int = Field(
        default=20,
        ge=0,
        le=20,
        description="seconds that SQS holds a poll open; a stop waits for the poll's end",
    )
    drain_s: float = Field(
        default=25.0, ge=0, description="seconds for messages in work to end after a stop"
    )
    embedding_model: str = Field(
        default="amazon.titan-embed-text-v2:0",
        description="model of passages' and queries' vectors; the same for all services",
    )
    embedding_dimension: int = Field(
        default=1024, ge=1, description="numbers in a vector, as the model makes them"
    )
    prices: dict[str, Annotated[tuple[Decimal, ...], Field(min_length=2, max_length=4)]] = Field(
        default_factory=dict,
        description="JSON: model id to USD per million tokens: input, output and, where they cost"
        " something, cache reads and cache writes; adds to the price list or overrides it",
    )
    ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authorities that sign the certificates of PostgreSQL, Redis,"
        " OpenSearch and Neo4j; left out: those that the system trusts",
    )
    otlp_url: str | None = Field(
        default=None, description="OpenTelemetry collector for traces (OTLP over HTTP)"
    )
    heartbeat_file: Path | None = Field(
        default=None,
        description="file that the service touches while its loops get on; a container's health"
        " check is `python -m shared.health`",
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    metrics_namespace: str = Field(default="RagOps", description="CloudWatch namespace")

    def resource(self, name: str) -> str:
        """A queue's, topic's, bucket's or table's name in this account."""
        return self.name_prefix + name

    def endpoint_of(self, service: str) -> str | None:
        """None leaves it to botocore, which reads AWS_ENDPOINT_URL_<SERVICE> itself."""
        if f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}" in os.environ:
            return None
        return self.aws_endpoint_url


# Pydantic-settings' words for a variable of JSON that it cannot read.
_FIELD = re.compile(r'parsing value for field "(\w+)"')


def unset(error: ValidationError | SettingsError) -> str:
    """Which variables to set and why, a line each; never their values."""
    if isinstance(error, SettingsError):
        # It names the field in its words only, and raises before any other is looked at.
        field = _FIELD.search(str(error))
        return f"{_variable((field[1],) if field else ())}: is not JSON.\n"
    return "".join(
        f"{_variable(item['loc'])}: {_words(item['type'], item['msg'])}\n"
        for item in error.errors(include_input=False, include_url=False)
    )


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "RAGOPS_…"
    return name if name.isupper() else f"RAGOPS_{name.upper()}"


def _words(kind: str, message: str) -> str:
    return "is not set. See docs/settings.md." if kind == "missing" else f"{message}."
