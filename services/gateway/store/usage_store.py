"""Token counts in Redis: a hash for each tenant and month, a field for each user and figure."""

from dataclasses import dataclass, field
from decimal import Decimal

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.gateway.models.usage import MONTH_LIFETIME_S, SEEN_LIFETIME_S, Spent
from services.gateway.store.connection import outages, ping

# Billionths of a dollar: a token of the cheapest model is not rounded away, and sums are exact.
_NANO = Decimal(1_000_000_000)
_FIELDS = ("calls", "input_tokens", "output_tokens", "nano_usd")
# Seen and counted in one step: a crash between the two would lose or double an event.
_ADD = """
if not redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[1]) then return 0 end
for i = 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""


@dataclass(frozen=True)
class UsageStore:
    """Implements services.ports.UsageLedger."""

    redis: Redis
    # Whose old sums were looked for already.
    adopted: set[tuple[str, str]] = field(default_factory=set, compare=False)

    async def ping(self) -> None:
        await ping(self.redis)

    async def add(self, tenant: str, user: str, month: str, event_id: str, spent: Spent) -> None:
        figures = (
            spent.calls,
            spent.input_tokens,
            spent.output_tokens,
            int(spent.cost_usd * _NANO),
        )
        pairs = [
            part
            for name, figure in zip(_FIELDS, figures, strict=True)
            for part in (f"{name}:{user}", str(figure))
        ]
        keys = (_month_key(tenant, month), f"used:{{{tenant}}}:{event_id}")
        lifetimes = (str(SEEN_LIFETIME_S), str(MONTH_LIFETIME_S))
        with outages():
            await self._adopt(tenant, month)
            await self.redis.eval(_ADD, len(keys), *keys, *lifetimes, *pairs)

    async def of_month(self, tenant: str, month: str) -> dict[str, Spent]:
        with outages():
            await self._adopt(tenant, month)
            raw = await self.redis.hgetall(_month_key(tenant, month))
        found: dict[str, dict[str, int]] = {}
        for figure, value in raw.items():
            name, _, user = _text(figure).partition(":")
            found.setdefault(user, {})[name] = int(value)
        return {user: _spent(figures) for user, figures in found.items()}

    async def _adopt(self, tenant: str, month: str) -> None:
        """Renames the sums of a release whose keys had no braces, once for each month.

        That release's events are counted again when they come a second time in these days.
        """
        if (tenant, month) in self.adopted:
            return
        try:
            await self.redis.renamenx(f"usage:{tenant}:{month}", _month_key(tenant, month))
        except ResponseError as error:
            # A cluster renames within a slot only; but it could not have run the old script.
            if "no such key" not in str(error) and "CROSSSLOT" not in str(error):
                raise
        self.adopted.add((tenant, month))


def _month_key(tenant: str, month: str) -> str:
    """The braces put all keys of a tenant into one slot of a Redis cluster, as a script needs."""
    return f"usage:{{{tenant}}}:{month}"


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode()


def _spent(figures: dict[str, int]) -> Spent:
    cost = Decimal(figures.pop("nano_usd", 0)) / _NANO
    return Spent.model_validate({**figures, "cost_usd": cost})
