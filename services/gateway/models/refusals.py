"""Why a request is not served; http/problems.py gives each its HTTP status."""


class Unauthorized(Exception):
    """No token, or none that can be trusted."""


class Forbidden(Exception):
    """The token is good, but lacks a scope."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This token lacks the scope '{scope}'. Ask for one that has it.")


class NotFound(Exception):
    """The principal's tenant has no such thing, or the principal may not see it."""


class UnknownKind(Exception):
    """A file that no parser reads; the message lists those that are read."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"'{name}' is of no known kind. Known are: {', '.join(sorted(known))}.")


class InvalidRequest(Exception):
    """A field that cannot be accepted; `field` is its path in the request."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
