"""A tenant's limits as ingestion knows them, and why work on its documents has to wait."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

# Until somebody ends it.
_FOR_GOOD = datetime(9999, 12, 31, tzinfo=UTC)


class Reached(BaseModel):
    """A limit that was reached; `period` is a day or a month, `measure` is usd or tokens."""

    model_config = ConfigDict(frozen=True)

    period: str
    measure: str
    limit: Decimal
    used: Decimal
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """`why` is for the people whose documents wait."""

    until: datetime
    why: str


class Tenant(BaseModel):
    """`revision` 0: nobody has told of settings. `limits` by measure and `day` or `month`."""

    model_config = ConfigDict(frozen=True)

    revision: int = 0
    limits: dict[str, Decimal] = {}
    suspended: bool = False
    chunking: str | None = None
    reached: tuple[Reached, ...] = ()

    def with_reached(self, told: Reached, now: datetime) -> "Tenant":
        """Told twice or out of order: what is used only grows within a period."""
        key = (told.period, told.measure)
        kept = [one for one in self.reached if one.resets_at > now]
        same = [one for one in kept if (one.period, one.measure) == key]
        newest = max([*same, told], key=lambda one: one.used)
        others = [one for one in kept if (one.period, one.measure) != key]
        return self.model_copy(update={"reached": (*others, newest)})

    def waiting(self, now: datetime) -> Waiting | None:
        """Until the last of the reached limits begins anew."""
        if self.suspended:
            return Waiting(_FOR_GOOD, "The tenant is suspended. Work goes on when it is resumed.")
        waits = [
            Waiting(one.resets_at, _words(one, limit))
            for one in self.reached
            if one.resets_at > now and (limit := self._limit(one)) is not None and one.used >= limit
        ]
        return max(waits, key=lambda one: one.until, default=None)

    def _limit(self, reached: Reached) -> Decimal | None:
        if not self.revision:
            return reached.limit
        kind = "month" if len(reached.period) == len("2026-11") else "day"
        return self.limits.get(f"{reached.measure}_{kind}")


def _words(reached: Reached, limit: Decimal) -> str:
    what = "dollars" if reached.measure == "usd" else "tokens"
    return (
        f"The limit of {limit.normalize():f} {what} for {reached.period} is reached. Work goes on"
        f" at {reached.resets_at:%Y-%m-%d %H:%M} UTC, or when the limit is raised."
    )
