"""How the gateway connects to Redis: short timeouts, since a question waits behind every call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from services.gateway.store.outage import outages


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Redis]:
    """Connects at the first call, so that the gateway starts while Redis is still away."""
    redis = Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=1.0)
    try:
        yield redis
    finally:
        await redis.aclose()


async def alive(redis: Redis) -> None:
    """Raises Unavailable."""
    with outages():
        await redis.ping()
