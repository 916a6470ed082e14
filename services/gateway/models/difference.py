"""Something in which two stores differ."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Difference:
    """About a document, an object (`key`), or, with neither, the graph as a whole.

    `repair` says what was done; None: nothing was tried; empty: nothing could be done.
    """

    kind: str
    document_id: str | None = None
    key: str | None = None
    detail: str = ""
    repair: str | None = None

    @property
    def open(self) -> bool:
        return not self.repair

    def repaired_by(self, repair: str) -> "Difference":
        return replace(self, repair=repair)

    def unrepaired(self) -> "Difference":
        return replace(self, repair="")

    @property
    def words(self) -> str:
        about = self.document_id or self.key
        said = f"{self.kind}: {about}" if about else self.kind
        return f"{said} ({self.detail})" if self.detail else said
