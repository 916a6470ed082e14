"""Which of a principal's names matter, on the queue retrieval-queries."""

from contracts.message import Message


class AudienceRequestedV1(Message):
    """`visible_to` is the principal's own set (`user:…`, `group:…`)."""

    visible_to: tuple[str, ...] = ()


class AudienceAnsweredV1(Message):
    """Those of the set that some document of the tenant is limited to, or was.

    Principals with the same answer see the same passages.
    """

    visible_to: tuple[str, ...]
