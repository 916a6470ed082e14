"""What a user's model calls consumed in a month."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

from pydantic import BaseModel, ConfigDict

# A ModelUsed event may come twice within its queue's retention of four days, redriven within 14.
SEEN_LIFETIME_S = 20 * 24 * 3600
# Months are kept long enough for a year's comparison.
MONTH_LIFETIME_S = 400 * 24 * 3600
# Whoever ingests by hand or by a drop has no user.
NOBODY = "-"


class Spent(BaseModel):
    """One event's, or a sum of many."""

    model_config = ConfigDict(frozen=True)

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)


class UsageLedger(Protocol):
    """Both raise Unavailable."""

    async def add(self, tenant: str, user: str, month: str, event_id: str, spent: Spent) -> None:
        """Counts an event once, however often it comes."""

    async def of_month(self, tenant: str, month: str) -> dict[str, Spent]:
        """By user."""


def month_of(moment: datetime) -> str:
    """`2026-11`, in UTC, as bills are."""
    return moment.astimezone(UTC).strftime("%Y-%m")
