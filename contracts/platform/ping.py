"""Ping and Pong: a consumer answers, so its loop is alive and its dependencies let it poll."""

from contracts.message import Message


class PingV1(Message):
    """Asks whoever consumes the queue to answer."""


class PongV1(Message):
    service: str
