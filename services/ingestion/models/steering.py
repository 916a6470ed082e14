"""When a person may retry, cancel or reindex a document."""

from dataclasses import dataclass

from contracts.ingestion.life_cycle import LIFE_CYCLE, LISTS
from services.ingestion.models.errors import NotPossible
from services.ingestion.models.version import Fault

CANCELLED = Fault("cancelled", "It was cancelled. Retry it to go on, or delete it.")
_GONE = "Its original bytes are not kept any more. Upload it again."


@dataclass(frozen=True, slots=True)
class Standing:
    """A document's newest version that readers see; `has_source`: its bytes are kept."""

    ordinal: int
    status: str
    fault: Fault | None
    has_source: bool
    key: str | None = None

    @property
    def _is_under_way(self) -> bool:
        return not LIFE_CYCLE[self.status].final

    def must_be_retried(self) -> bool:
        """False when it is under way already. Raises NotPossible."""
        if self._is_under_way:
            return False
        if self.status not in LISTS["faulty"]:
            raise NotPossible(
                f"It is {self.status}, so there is nothing to retry. Reindex it to read it anew."
            )
        if not self.has_source:
            raise NotPossible(_GONE)
        return True

    def must_be_cancelled(self) -> bool:
        """False when it was cancelled already. Raises NotPossible."""
        if self.status in LISTS["claimable"]:
            return True
        if self.fault is not None and self.fault.code == CANCELLED.code:
            return False
        if self._is_under_way:
            raise NotPossible(
                f"It is {self.status}: its text is read, and the search index takes it in now."
                " Delete it instead."
            )
        can = "Retry or delete it" if self.status in LISTS["faulty"] else "Delete it"
        raise NotPossible(f"It is {self.status}, so there is no work to cancel. {can} instead.")

    def must_be_reindexed(self) -> bool:
        """False when it is under way already. Raises NotPossible."""
        if self._is_under_way:
            return False
        if self.status in LISTS["faulty"]:
            raise NotPossible(f"It is {self.status}. Retry it instead.")
        if not self.has_source:
            raise NotPossible(_GONE)
        return True
