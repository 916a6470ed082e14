"""What every request queue answers beside its own replies: a ping, and a refusal."""

from contracts.message import Message


class PingV1(Message):
    """Asks whoever consumes the queue to answer."""


class PongV1(Message):
    service: str


class RequestFailedV1(Message):
    """`code` is stable (`not_found`, `invalid_query`, …); `message` says what to do."""

    code: str
    message: str
