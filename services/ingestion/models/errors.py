"""Why a document's work stops."""


class Rejected(Exception):
    """The document's own fault: it ends `rejected` with a stable code and words that help."""

    def __init__(self, code: str, message: str) -> None:
        # Both, since an exception that crosses a process is made anew from its arguments.
        super().__init__(code, message)
        self.code = code
        self.message = message


class NotThereYet(Exception):
    """The document's object may still come: look again later."""


class ParserCrashed(Exception):
    """The parser's process died; the service lives on and the document is tried again."""


class Unwelcome(Exception):
    """A message that may not be taken in: its sender or its key is not the tenant's."""


class TenantClosed(Unwelcome):
    """The tenant was deleted, and nobody is known to have created it again."""

    def __init__(self) -> None:
        super().__init__("the tenant was deleted: create it again, then send the document again")


class NotPossible(Exception):
    """A document's state does not allow what a person wants; the words say what it allows."""


class BadSelection(Exception):
    """Documents were asked for by a state that there is not."""


class BadCursor(Exception):
    """A page was asked for after something that no page ended with."""
