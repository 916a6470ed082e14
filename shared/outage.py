"""Which AWS errors mean that a dependency is down or throttles, not that a call was wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    ClientError,
    EventStreamError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from shared.errors import Unavailable, described

_OUTAGES = {
    "ConditionalRequestConflict",
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalError",
    "InternalFailure",
    "InternalServerException",
    "KmsThrottled",
    "LimitExceededException",
    "ModelNotReadyException",
    "ModelStreamErrorException",
    "ModelTimeoutException",
    "OverLimit",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "Throttled",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_TOO_MANY = 429
_BROKEN_ANSWERS = (HTTPClientError, IncompleteReadError, ResponseParserError)


def code_of(error: ClientError) -> str:
    """The code without a service's prefix (`AWS.SimpleQueueService.`), its first letter large.

    SQS and its proxies add the prefix; in an event stream the same codes are in lower camel case.
    """
    code = str(error.response.get("Error", {}).get("Code", "")).rpartition(".")[2]
    return code[:1].upper() + code[1:]


def is_outage(error: Exception) -> bool:
    if isinstance(error, EventStreamError):
        # Whatever ends a stream that had begun is its server's trouble, but for a wrong request.
        return code_of(error) != "ValidationException"
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in _OUTAGES or status == _TOO_MANY or status >= 500
    if isinstance(error, (BotoConnectionError, *_BROKEN_ANSWERS, OSError)):
        return True
    # aiobotocore lets aiohttp's own error through when an answer is cut short.
    return type(error).__module__.partition(".")[0] == "aiohttp"


@contextmanager
def outages_of(dependency: str) -> Iterator[None]:
    """Turns an outage of this dependency into Unavailable; other errors pass."""
    try:
        yield
    except Exception as error:
        if is_outage(error):
            raise Unavailable(dependency, described(error)) from error
        raise
