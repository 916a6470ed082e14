"""Neo4j's errors: which of them are outages, and which say that two writes met."""

from collections.abc import Iterator
from contextlib import contextmanager

from neo4j.exceptions import (
    AuthError,
    ClientError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from shared.errors import Unavailable

DEPENDENCY = "neo4j"
# No server at the other end: it is down, or it was started anew.
LOST = (ServiceUnavailable, SessionExpired)
# Two writes met: a name vanished under a write that leads a passage to it.
_MET = {
    "Neo.ClientError.Schema.ConstraintValidationFailed",
    "Neo.ClientError.Statement.EntityNotFound",
}


@contextmanager
def outages() -> Iterator[None]:
    """Turns an outage into Unavailable; an error of ours passes as it is."""
    try:
        yield
    except (DriverError, Neo4jError) as error:
        if _is_outage(error):
            raise Unavailable(DEPENDENCY, str(getattr(error, "code", error))) from error
        raise


def _is_outage(error: DriverError | Neo4jError) -> bool:
    # A login that is refused too: its password may be about to change.
    waiting = DriverError | TransientError | AuthError
    return isinstance(error, waiting) or "TimedOut" in (error.code or "")


def met(error: Neo4jError) -> bool:
    """Whether two writes met, so that repeating this one will help."""
    return isinstance(error, ClientError) and error.code in _MET
