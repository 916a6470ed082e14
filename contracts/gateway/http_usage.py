"""The HTTP shapes of usage and of tenants' settings."""

from decimal import Decimal

from pydantic import BaseModel, Field

from contracts.gateway.http import Body, example

_ROW = {
    "key": "2026-11-26",
    "calls": 12,
    "input_tokens": 20417,
    "output_tokens": 1893,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "cost_usd": 0.00168,
}


class UsageRow(BaseModel):
    """Model calls and what they consumed; the four classes of tokens do not overlap."""

    key: str = Field(description="the day (UTC), user, model or purpose; `-`: nobody's documents")
    calls: int = Field(description="calls of models")
    input_tokens: int = Field(description="tokens that models read")
    output_tokens: int = Field(description="tokens that models wrote")
    cache_read_tokens: int = Field(description="tokens that came from the prompt cache")
    cache_write_tokens: int = Field(description="tokens that were put into the prompt cache")
    cost_usd: float = Field(description="USD, by the system's price list")


class LimitView(BaseModel):
    """One limit of the tenant, and what is used of it."""

    measure: str = Field(description="`usd` or `tokens`")
    period: str = Field(description="the day (`2026-11-26`) or the month (`2026-11`), in UTC")
    limit: float = Field(description="in dollars or tokens")
    used: float = Field(description="in the same")
    resets_at: str = Field(description="when the limit begins anew, RFC 3339 in UTC")
    thresholds: tuple[int, ...] = Field(description="percent at which an event tells of it")


class UsageView(BaseModel):
    """What was spent in some days."""

    model_config = example(
        by="day",
        first="2026-11-01",
        last="2026-11-26",
        rows=[_ROW],
        total=_ROW | {"key": "total"},
        limits=None,
    )

    by: str = Field(description="what the rows are for")
    first: str = Field(description="first day, UTC")
    last: str = Field(description="last day, UTC")
    rows: list[UsageRow] = Field(description="in the order of their keys")
    total: UsageRow = Field(description="their sum")
    limits: list[LimitView] | None = Field(
        default=None, description="the limits that are set, for the scope `admin`; else null"
    )


class UserLimitsBody(Body):
    """Days and months are UTC; null: no limit."""

    usd_day: Decimal | None = Field(default=None, ge=0, le=10**9, description="dollars a day")
    usd_month: Decimal | None = Field(default=None, ge=0, le=10**9, description="dollars a month")
    tokens_day: int | None = Field(default=None, ge=0, le=10**15, description="tokens a day")
    tokens_month: int | None = Field(default=None, ge=0, le=10**15, description="tokens a month")


class LimitsBody(UserLimitsBody):
    """The same for all of the tenant together, and its requests."""

    requests_minute: int | None = Field(
        default=None, ge=0, le=10**9, description="requests a minute"
    )


class CacheBody(Body):
    """Which answers may be given again."""

    exact: bool = Field(default=True, description="to the same question")
    semantic: bool = Field(
        default=False,
        description="also to a question that means the same in other words; needs `exact`",
    )


class TenantBody(Body):
    """A tenant's settings, whole: what is left out has its default."""

    model_config = example(
        models=["amazon.nova-lite-v1:0"],
        limits={"usd_day": "5", "usd_month": "100", "requests_minute": 600},
        user_limits={"usd_day": "0.50"},
        cheaper_model="amazon.nova-micro-v1:0",
        cache={"exact": True, "semantic": False},
        chunking=None,
        consent_to_training=False,
    )

    models: tuple[str, ...] = Field(
        default=(), max_length=16, description="models that answer, in order; empty: the system's"
    )
    limits: LimitsBody = Field(default=LimitsBody(), description="money, tokens and requests")
    user_limits: UserLimitsBody = Field(
        default=UserLimitsBody(), description="money and tokens of each user"
    )
    cheaper_model: str | None = Field(
        default=None,
        max_length=256,
        description="the model that answers when the others cost more than is left",
    )
    judge_model: str | None = Field(
        default=None,
        max_length=512,
        description="one of `models`, or its deployment's ARN: it judges answers that are sent to"
        " POST /v1/judgements; null: none does",
    )
    cache: CacheBody = Field(default=CacheBody(), description="answers that may be given again")
    chunking: str | None = Field(
        default=None, max_length=64, description="how documents are cut; null: the default"
    )
    consent_to_training: bool = Field(
        default=False, description="whether turns may go into training sets"
    )


class TenantView(BaseModel):
    """A tenant and its settings."""

    model_config = example(
        tenant="acme",
        revision=3,
        suspended=False,
        models=["amazon.nova-lite-v1:0"],
        limits={"usd_day": 5, "usd_month": 100, "tokens_day": None, "requests_minute": 600},
        user_limits={"usd_day": 0.5, "usd_month": None, "tokens_day": None, "tokens_month": None},
        cheaper_model="amazon.nova-micro-v1:0",
        cache={"exact": True, "semantic": False},
        chunking=None,
        consent_to_training=False,
    )

    tenant: str = Field(description="the tenant's name, as in its tokens")
    revision: int = Field(description="counts up with each change; 0: never changed")
    suspended: bool = Field(description="whether questions and uploads are refused")
    models: tuple[str, ...] = Field(description="models that answer; empty: the system's")
    limits: dict[str, float | None] = Field(description="money, tokens and requests; null: none")
    user_limits: dict[str, float | None] = Field(
        default={}, description="money and tokens of each user; null: none"
    )
    cheaper_model: str | None = Field(description="answers when the others cost too much")
    judge_model: str | None = Field(default=None, description="judges answers; null: none does")
    cache: dict[str, bool] = Field(description="answers that may be given again")
    chunking: str | None = Field(
        default=None, description="how documents are cut; null: the default"
    )
    consent_to_training: bool = Field(description="whether turns may go into training sets")


class TenantList(BaseModel):
    """All tenants that the ledger knows, by name."""

    model_config = example(tenants=["acme", "demo"])

    tenants: list[str] = Field(description="their names")
