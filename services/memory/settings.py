"""Memory's settings."""

from pydantic import Field

from shared.settings import Settings


class MemorySettings(Settings):
    turns_table: str = "ragops-turns"
    # pynamodb blocks: its calls run in so many threads, warmed at start.
    dynamodb_threads: int = Field(default=4, ge=1)
    # Below the requests' own budget, so that a slow table is an error and not a missed deadline.
    dynamodb_timeout_s: float = Field(default=1.0, gt=0)
