"""Rates in Redis: one time a tenant and name, after which the next request has room."""

from collections.abc import Mapping

from redis.asyncio import Redis

from services.gateway.store.connection import outages
from services.gateway.store.ledger_scripts import RATE

_NEVER_S = 60.0


class RateStore:
    """Implements services.ports.Rates."""

    def __init__(self, redis: Redis) -> None:
        self._rate = redis.register_script(RATE)

    async def wait_s(self, tenant: str, per_minute: Mapping[str, int]) -> float:
        if not all(per_minute.values()):
            return _NEVER_S
        keys = [f"rate:{{{tenant}}}:{name}" for name in per_minute]
        with outages():
            wait_ms = await self._rate(keys=keys, args=list(per_minute.values()))
        return float(wait_ms) / 1000
