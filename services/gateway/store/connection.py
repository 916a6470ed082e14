"""How the gateway connects to Redis, and which of Redis' errors are outages."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, ReadOnlyError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import Unavailable

# Short, since a person waits for every call.
_CALL_S = 2.0
_CONNECT_S = 1.0
_OUTAGES = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, ReadOnlyError, OSError)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Redis]:
    """Connects at the first call, so that the gateway starts while Redis is still away."""
    redis = Redis.from_url(url, socket_timeout=_CALL_S, socket_connect_timeout=_CONNECT_S)
    try:
        yield redis
    finally:
        await redis.aclose()


async def ping(redis: Redis) -> None:
    """Raises Unavailable."""
    with outages():
        await redis.ping()


@contextmanager
def outages() -> Iterator[None]:
    """Turns an outage of Redis into Unavailable; other errors pass."""
    try:
        yield
    except _OUTAGES as error:
        raise Unavailable("redis", type(error).__name__) from error
