"""RequestFailed: the reply to a request that could not be answered."""

from contracts.message import Message


class RequestFailedV1(Message):
    """`code` is stable (`not_found`, `invalid_query`, …); `message` says what to do."""

    code: str
    message: str
