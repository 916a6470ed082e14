"""What a user's model calls consumed in a month."""

from datetime import UTC, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

# A ModelUsed event may come twice within its queue's retention of four days, redriven within 14.
SEEN_LIFETIME_S = 20 * 24 * 3600
# Months are kept long enough for a year's comparison.
MONTH_LIFETIME_S = 400 * 24 * 3600
# Stands for the user of a document that came in over the queue or the inbox.
NOBODY = "-"


class Spent(BaseModel):
    """What one event tells, or the sum of many."""

    model_config = ConfigDict(frozen=True)

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)


class MonthlyUsage(BaseModel):
    """`month` as in month_of; `users` is None for who may see only their own sum."""

    model_config = ConfigDict(frozen=True)

    month: str
    own: Spent
    users: dict[str, Spent] | None


def month_of(moment: datetime) -> str:
    """`2026-11`, in UTC, as bills are."""
    return moment.astimezone(UTC).strftime("%Y-%m")
