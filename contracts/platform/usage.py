"""What the topic usage carries: what models consumed, reached budgets, changed tenants."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from contracts.message import Message, Shape

# What today's writers write.
Purpose = Literal[
    "answer",
    "condense",
    "embed_query",
    "embed_passages",
    "extract_entities",
    "judge",
    "remember",
    "rerank",
    "shadow",
    "summarise",
    "training",
]


class ModelUsedV2(Message):
    """Tokens are counted by the model; `cost_usd` is theirs times the price list's rate.

    The four classes of tokens do not overlap: `input_tokens` holds none that were read from the
    prompt cache or written to it. `purpose` is open: a reader takes one that it does not know.
    `estimated`: the stream was closed early, so the model's own count never came. `arm` is the side
    of an experiment that the turn was on.
    """

    service: str
    purpose: str = Field(min_length=1, max_length=64)
    model: str
    calls: int = Field(ge=1)
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cost_usd: Decimal = Field(ge=0)
    estimated: bool = False
    turn_id: str | None = None
    document_id: str | None = None
    cache_read_tokens: int = Field(default=0, ge=0)
    cache_write_tokens: int = Field(default=0, ge=0)
    arm: str | None = None


class ModelUsedV1(Message):
    """The same with a closed list of purposes, to which none can be added."""

    service: str
    purpose: Literal["answer", "condense", "embed_query", "embed_passages", "rerank"]
    model: str
    calls: int = Field(ge=1)
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cost_usd: Decimal = Field(ge=0)
    estimated: bool = False
    turn_id: str | None = None
    document_id: str | None = None

    def upcast(self) -> ModelUsedV2:
        return ModelUsedV2(**self.model_dump())


class BudgetReachedV1(Message):
    """A tenant's spending has reached `threshold` percent of a limit; told once a period and limit.

    `period` is a day (`2026-11-26`) or a month (`2026-11`) in UTC, which ends at `resets_at`;
    `measure` is `usd` or `tokens`, and `limit` and `used` are in it.
    """

    period: str = Field(min_length=7, max_length=10)
    measure: str = Field(min_length=1, max_length=16)
    threshold: int = Field(ge=1, le=100)
    limit: Decimal = Field(ge=0)
    used: Decimal = Field(ge=0)
    resets_at: datetime


class UserBudgetReachedV1(Message):
    """The same of a limit that each user of the tenant has: at 100 percent it stops `user` only."""

    user: str = Field(min_length=1, max_length=256)
    period: str = Field(min_length=7, max_length=10)
    measure: str = Field(min_length=1, max_length=16)
    threshold: int = Field(ge=1, le=100)
    limit: Decimal = Field(ge=0)
    used: Decimal = Field(ge=0)
    resets_at: datetime


class SpendingLimits(Shape):
    """None: no limit."""

    usd_day: Decimal | None = None
    usd_month: Decimal | None = None
    tokens_day: int | None = None
    tokens_month: int | None = None
    requests_minute: int | None = None


class TenantChangedV1(Message):
    """A tenant's settings, whole; the greatest `revision` is the newest.

    `limits` are for all of the tenant, `user_limits` for each of its users.
    """

    revision: int = Field(ge=1)
    limits: SpendingLimits = SpendingLimits()
    models: tuple[str, ...] = ()
    cheaper_model: str | None = None
    judge_model: str | None = None
    cache_exact: bool = True
    cache_semantic: bool = False
    user_limits: SpendingLimits = SpendingLimits()
    chunking: str | None = None
    consent_to_training: bool = False
    suspended: bool = False
