"""How the gateway connects to Redis, and which of Redis' errors are outages."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import Unavailable

# Short, since a person waits for every call.
_CALL_S = 2.0
_CONNECT_S = 2.0
_SCANNED = 1000
# A call takes less than a millisecond, making a connection several: a rush of callers waits for a
# free one instead of making as many at once.
CONNECTIONS = 16
_OUTAGES = (
    *(RedisConnectionError, RedisTimeoutError, OSError),
    *(BusyLoadingError, ReadOnlyError, OutOfMemoryError),
)
# Answers of a Redis that cannot write now: its disk is full, or its replicas are away.
_CANNOT_WRITE = ("MISCONF", "NOREPLICAS", "MASTERDOWN", "OOM", "READONLY")


@dataclass(frozen=True)
class Login:
    """Where a URL names no user and password of its own, and whose certificates are trusted."""

    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None

    def options(self, url: str) -> dict[str, str]:
        given = {"username": self.user, "password": self.password}
        if self.ca_file is not None and url.startswith("rediss:"):
            given["ssl_ca_certs"] = str(self.ca_file)
        return {name: value for name, value in given.items() if value}


NOBODY = Login()


@asynccontextmanager
async def connected(
    url: str, connections: int = CONNECTIONS, login: Login = NOBODY
) -> AsyncIterator[Redis]:
    """Connects at the first call, so that the gateway starts while Redis is still away."""
    pool = BlockingConnectionPool.from_url(
        url,
        **login.options(url),
        max_connections=connections,
        timeout=_CALL_S,
        socket_timeout=_CALL_S,
        socket_connect_timeout=_CONNECT_S,
    )
    redis = Redis.from_pool(pool)
    try:
        yield redis
    finally:
        await redis.aclose()


async def ping(redis: Redis) -> None:
    """Raises Unavailable."""
    with outages():
        await redis.ping()


async def remove_keys(redis: Redis, *beginnings: str) -> int:
    """Removes all keys that begin so; how many. Reads every key: a tenant is rarely deleted."""
    count = 0
    with outages():
        async for raw in redis.scan_iter(count=_SCANNED):
            key = raw.decode() if isinstance(raw, bytes) else str(raw)
            if key.startswith(beginnings):
                count += await redis.unlink(key)
    return count


@contextmanager
def outages() -> Iterator[None]:
    """Turns an outage of Redis into Unavailable; other errors pass."""
    try:
        yield
    except _OUTAGES as error:
        raise Unavailable("redis", type(error).__name__) from error
    except ResponseError as error:
        if str(error).startswith(_CANNOT_WRITE):
            raise Unavailable("redis", str(error).split(" ", 1)[0]) from error
        raise
