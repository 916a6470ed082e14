"""Which AWS errors mean that a dependency is down or throttles, not that a call was wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from shared.errors import Unavailable

_THROTTLES = {
    "InternalError",
    "InternalFailure",
    "InternalServerException",
    "LimitExceededException",
    "ModelNotReadyException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


def is_outage(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error.response["Error"].get("Code") in _THROTTLES or status >= 500
    return isinstance(error, (BotoConnectionError, ConnectionClosedError, HTTPClientError, OSError))


@contextmanager
def outages_of(dependency: str) -> Iterator[None]:
    """Turns an outage of this dependency into Unavailable; other errors pass."""
    try:
        yield
    except Exception as error:
        if is_outage(error):
            raise Unavailable(dependency, type(error).__name__) from error
        raise
