"""What model calls consumed, by day, user, model and purpose; what of a budget is used."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal

from pydantic import BaseModel, ConfigDict

from services.gateway.models.tenant import UserLimits

# A ModelUsed event may come twice within its queue's retention of four days, redriven within 14.
SEEN_LIFETIME_S = 20 * 24 * 3600
# Days are kept long enough for a year's comparison.
DAY_LIFETIME_S = 400 * 24 * 3600
# Stands for the user of a document that came in over the queue or the inbox.
NOBODY = "-"
# What a dead gateway's turn is charged with: nobody knows what its model calls consumed.
UNREPORTED = "unreported"
# Billionths of a dollar: a token of the cheapest model is not rounded away, and sums are exact.
NANO = Decimal(1_000_000_000)
# Percent of a limit at which people are told.
THRESHOLDS = (50, 80, 100)


class Spent(BaseModel):
    """What one call tells, or the sum of many; the classes of tokens do not overlap."""

    model_config = ConfigDict(frozen=True)

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: Decimal = Decimal(0)

    @property
    def amount(self) -> "Amount":
        tokens = self.input_tokens + self.output_tokens
        return Amount.of(self.cost_usd, tokens + self.cache_read_tokens + self.cache_write_tokens)

    def __add__(self, other: "Spent") -> "Spent":
        return Spent.model_construct(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cost_usd=self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True, slots=True)
class Amount:
    """Money in billionths of a dollar, and tokens of all classes."""

    nano_usd: int = 0
    tokens: int = 0

    @classmethod
    def of(cls, usd: Decimal, tokens: int) -> "Amount":
        """A fraction of a billionth counts as a whole one: rounding gives nothing away."""
        return cls(nano_of(usd), tokens)

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.nano_usd + other.nano_usd, self.tokens + other.tokens)


@dataclass(frozen=True, slots=True)
class Line:
    """Whose usage it is and what for."""

    user: str
    model: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Counted:
    """A model call, or several, under the id of their ModelUsed event: the id counts once."""

    event_id: str
    line: Line
    spent: Spent


@dataclass(frozen=True, slots=True)
class Hold:
    """What a turn may still cost at most until its gateway settles it, or a training until it ends.

    `own` is for the gateway's model calls, `rest` for those of other services. It counts on `day`
    (UTC), which is the one on which it was made.
    """

    id: str
    tenant: str
    user: str
    day: date
    model: str
    own: Amount
    rest: Amount


@dataclass(frozen=True, slots=True)
class Totals:
    """What a tenant has spent in a day and in its month, without what is held."""

    day: date
    of_day: Amount
    of_month: Amount


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit and what is used of it. `period` is a day or a month; both are `measure`.

    `whose` it is: the tenant's or a user's.
    """

    measure: str
    period: str
    limit: Decimal
    used: Decimal
    resets_at: datetime
    whose: str = "tenant"


def budgets(limits: UserLimits, totals: Totals) -> list[Budget]:
    """The limits that are set, the longest period first."""
    day, month = totals.day.isoformat(), month_of(totals.day)
    usd, tokens = totals.of_month.nano_usd / NANO, Decimal(totals.of_month.tokens)
    found = [
        ("usd", month, limits.usd_month, usd),
        ("tokens", month, limits.tokens_month, tokens),
        ("usd", day, limits.usd_day, totals.of_day.nano_usd / NANO),
        ("tokens", day, limits.tokens_day, Decimal(totals.of_day.tokens)),
    ]
    return [
        Budget(measure, period, Decimal(limit), used, end_of(period))
        for measure, period, limit, used in found
        if limit is not None
    ]


def nano_of(usd: Decimal) -> int:
    return int((usd * NANO).to_integral_value(ROUND_CEILING))


def day_of(moment: datetime) -> date:
    """In UTC, as bills are."""
    return moment.astimezone(UTC).date()


def month_of(day: date) -> str:
    """`2026-11`."""
    return day.isoformat()[:7]


def end_of(period: str) -> datetime:
    """When a day (`2026-11-26`) or a month (`2026-11`) is over."""
    if len(period) == len("2026-11-26"):
        after = date.fromisoformat(period) + timedelta(days=1)
    else:
        after = (date.fromisoformat(f"{period}-01") + timedelta(days=31)).replace(day=1)
    return datetime.combine(after, time(), UTC)
