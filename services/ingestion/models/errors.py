"""Why a document's work stops."""


class Rejected(Exception):
    """The document's own fault: it ends `rejected` with a stable code and words that help."""

    def __init__(self, code: str, message: str) -> None:
        # Both, since an exception that crosses a process is made anew from its arguments.
        super().__init__(code, message)
        self.code = code
        self.message = message


class ParserCrashed(Exception):
    """The parser's process died; the service lives on and the document is tried again."""


class Unwelcome(Exception):
    """A message that may not be taken in: its sender or its key is not the tenant's."""


class BadCursor(Exception):
    """A page was asked for after something that no page ended with."""
