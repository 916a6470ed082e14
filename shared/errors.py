"""Errors that cross a room's door, and what of an error may be written down."""

import re


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


class CannotStart(Exception):
    """Something that a service needs is missing: the words tell an operator what to do."""


_CODE = re.compile(r"[\w.:-]{1,80}")
_OURS = (Unavailable, DeadlineMissed, TooLarge, NoSuchObject, CannotStart)


def described(error: BaseException) -> str:
    """The error's kind with its stable code, for logs, dead letters and replies.

    The words of a foreign error may quote a document, a question or a secret (pydantic shows its
    input, SQLAlchemy its parameters), so only the words of this module's errors are kept.
    """
    kind = type(error).__name__
    if isinstance(error, RequestRefused):
        return f"{kind} ({error.code})"  # its words may repeat what was asked for
    if isinstance(error, _OURS):
        return f"{kind}: {error}"
    response = getattr(error, "response", None)
    told = response.get("Error") if isinstance(response, dict) else None
    code = told.get("Code") if isinstance(told, dict) else None
    state = getattr(getattr(error, "orig", error), "sqlstate", None)
    number = error.errno if isinstance(error, OSError) else None
    found = next((str(part) for part in (code, state, number) if part), "")
    return f"{kind} ({found})" if _CODE.fullmatch(found) else kind
