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
