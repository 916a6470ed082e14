"""Redis' own words for being away, as Unavailable."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import BusyLoadingError, ReadOnlyError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import Unavailable

_OUTAGES = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, ReadOnlyError, OSError)


@contextmanager
def outages() -> Iterator[None]:
    """Raises Unavailable for what is Redis' own trouble; other errors pass."""
    try:
        yield
    except _OUTAGES as error:
        raise Unavailable("redis", type(error).__name__) from error
