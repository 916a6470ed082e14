"""Which of the driver's errors mean that Neo4j is down, and which that two writes met."""

from collections.abc import Iterator
from contextlib import contextmanager

from neo4j.exceptions import ClientError, DriverError, Neo4jError, TransientError

from shared.errors import Unavailable

DEPENDENCY = "neo4j"
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
    return isinstance(error, DriverError | TransientError) or "TimedOut" in (error.code or "")


def met(error: Neo4jError) -> bool:
    """Whether a name vanished under a write that leads to it: the write will do when repeated."""
    return isinstance(error, ClientError) and error.code in _MET
