"""Errors that cross a room's door."""


class Unavailable(Exception):
    """A dependency is down or throttles: pause, count no attempt, say which one it was."""

    def __init__(self, dependency: str, detail: str = "") -> None:
        super().__init__(f"{dependency} is unavailable" + (f": {detail}" if detail else ""))
        self.dependency = dependency


class DeadlineMissed(Exception):
    """No reply came in time."""

    def __init__(self, queue: str, budget_ms: int) -> None:
        super().__init__(f"no reply from {queue} within {budget_ms} ms")
        self.queue = queue


class RequestRefused(Exception):
    """The asked service answered that it cannot: `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TooLarge(Exception):
    """An object is over the reader's limit, or a message over its channel's."""


class NoSuchObject(Exception):
    """There is no object under this key."""
