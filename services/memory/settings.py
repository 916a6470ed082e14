"""Memory's settings."""

from pydantic import Field

from contracts.topology import TURNS_TABLE
from shared.settings import Settings


class MemorySettings(Settings):
    """Read from RAGOPS_* variables once, in bootstrap."""

    turns_table: str = Field(
        default=TURNS_TABLE, description="DynamoDB table of turns, without the name prefix"
    )
    dynamodb_threads: int = Field(
        default=4,
        ge=1,
        description="threads for DynamoDB calls, which block; each keeps a connection",
    )
    dynamodb_timeout_s: float = Field(
        default=1.0,
        gt=0,
        description="seconds for a DynamoDB call; keep it below the gateway's memory budget",
    )
    query_concurrency: int = Field(
        default=16, ge=1, description="requests of gateways that are answered at a time"
    )
    memory_model: str | None = Field(
        default=None,
        description="model that finds the facts which a user states of himself, one call a turn;"
        " left out: rules do it, without a model call",
    )
    embed_ms: int = Field(
        default=500,
        gt=0,
        description="milliseconds that memory waits for a question's embedding; later it recalls"
        " the newest turns only",
    )
    recall_floor: float = Field(
        default=0.45,
        ge=-1,
        le=1,
        description="cosine of a question with an earlier one of the user below which that turn is"
        " not recalled",
    )
