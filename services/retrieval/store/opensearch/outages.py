"""Which of the driver's errors mean that OpenSearch is down, throttles or lets nobody in."""

from collections.abc import Iterator
from contextlib import contextmanager

from opensearchpy.exceptions import ConnectionError as NotConnected
from opensearchpy.exceptions import TransportError

from shared.errors import Unavailable

DEPENDENCY = "opensearch"
# A login that is refused (its credentials may be about to change), a full disk, a throttle.
_WAITING = (401, 403, 429)


@contextmanager
def outages() -> Iterator[None]:
    """Turns an outage into Unavailable; an error of ours (4xx) passes as it is."""
    try:
        yield
    except TransportError as error:
        # A refused connection and a timeout carry words where others carry the HTTP status.
        if isinstance(error, NotConnected) or is_outage(error.status_code):
            raise Unavailable(DEPENDENCY, f"{error.status_code} {error.error}") from error
        raise


def is_outage(status: int | str) -> bool:
    return isinstance(status, int) and (status in _WAITING or status >= 500)
