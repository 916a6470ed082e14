"""What ingestion needs of its stores. Every method raises Unavailable when they are away."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.ingestion.models.parsed import Extraction
from services.ingestion.models.succession import Verdict
from services.ingestion.models.version import (
    Announcement,
    Claim,
    Deletion,
    Document,
    Fault,
    Intake,
    Leftover,
    Origin,
    Result,
    Seen,
)
from shared.ports import Blobs, Listing


class Carrier(Blobs, Listing, Protocol):
    """The carrier bucket."""


class Intakes(Protocol):
    """The messages that offered a document: each is seen once."""

    async def take_in(self, offered: Intake) -> Verdict:
        """Commits a new version, if it is one, and marks its message as seen.

        The document's versions that still wait or are in work are superseded by a new one. A
        message that a deletion names is `overtaken` whenever it comes; one that was refused stays
        so, or `overtaken`.
        """

    async def seen(self, tenant: str, message_id: str) -> Seen | None:
        """None for a message that was neither taken in nor deleted."""

    async def missing(self, tenant: str, message_ids: Sequence[str]) -> list[str]:
        """Those of them that were neither taken in nor deleted, in their order."""

    async def pass_over(
        self, origin: Origin, document_id: str, message_id: str, at: datetime | None
    ) -> bool:
        """Nothing becomes of the message when it comes; `at` is when the broker took the deletion.

        The deletion is kept for a document that is not known yet; a known one stays as it is.
        False when the message was taken in already.
        """


class Registry(Protocol):
    """What documents there are, and what is said of them."""

    async def get(
        self, tenant: str, document_id: str, visible_to: Sequence[str] | None = None
    ) -> Document | None:
        """None for an unknown document, another tenant's and one the asker may not see."""

    async def page(
        self,
        tenant: str,
        limit: int,
        after: tuple[datetime, str] | None,
        visible_to: Sequence[str] | None = None,
    ) -> list[Document]:
        """Newest first, deleted ones left out; `after` is the last document's (time, id)."""

    async def delete(
        self,
        origin: Origin,
        document_id: str,
        accepted_id: str | None = None,
        at: datetime | None = None,
    ) -> Deletion | None:
        """Marks every version deleted, which cancels work in progress; None when unknown.

        An offer that the broker took before `at` (None: now) is passed over, and so is the message
        `accepted_id`. Messages by hand may come a second time from now on. Deleting twice is the
        same as once: the announcement is due again.
        """

    async def unused(self, keys: Sequence[str]) -> set[str]:
        """Those of the objects that no version has."""

    async def count_citations(self, tenant: str, turn_id: str, documents: Iterable[str]) -> None:
        """Adds one to each document once a turn, however often the turn is told."""


class Worklist(Protocol):
    """Workers' claims on versions, what became of them, and what is to be announced."""

    async def claim(self, places: int) -> list[Claim]:
        """Up to `places` versions, shared among tenants; each is ours until its lease ends."""

    async def renew(self, claims: Sequence[Claim]) -> set[str]:
        """Renews the leases; those not in the answer are lost (deleted, superseded, taken)."""

    async def release(self, claim: Claim, *, after_s: float, counted: bool) -> None:
        """Gives the version back; `counted`: the attempt failed, perhaps by its fault."""

    async def finish(self, claim: Claim, result: Result) -> Announcement | None:
        """The version is `indexing`: it waits for retrieval. None when the claim was lost."""

    async def settle(self, claim: Claim, status: str, fault: Fault) -> Announcement | None:
        """The version ended `rejected` or `failed`; None when the claim was lost."""

    async def duplicate(self, claim: Claim) -> None:
        """The version has the content of the one that can be found, so it is not needed."""

    async def is_withdrawn(self, claim: Claim) -> bool:
        """True when the version was deleted or replaced, so that nobody works on it again."""

    async def ready(self, tenant: str, document_id: str, ordinal: int, chunks: int) -> bool:
        """True when retrieval's count of chunks agrees with ours, now or before.

        The document's earlier versions are superseded then.
        """

    async def refuse(
        self, tenant: str, document_id: str, ordinal: int, fault: Fault
    ) -> Announcement | None:
        """Retrieval cannot index the version, which has failed; None when it waits for nothing."""

    async def due(self, limit: int = 100) -> list[Announcement]:
        """What was not answered or confirmed in time; each comes back later, ever more slowly.

        A version that retrieval did not answer for too long has failed: it is among them as such.
        """

    async def announced(self, announcement: Announcement) -> None:
        """A rejection or failure is confirmed; `indexing` goes on until retrieval answers."""


class Purging(Protocol):
    """What deleted and replaced versions left."""

    async def deletions(self, limit: int = 20) -> list[Deletion]:
        """Deletions to announce and purge; each comes back until `purged` is called."""

    async def purged(self, deletion: Deletion) -> None:
        """Its objects are removed: nothing but ids stays of it in the registry, too."""

    async def leftovers(self, limit: int = 100) -> list[Leftover]:
        """Replaced versions to purge; each comes back until `purged_leftover` is called."""

    async def purged_leftover(self, leftover: Leftover) -> None:
        """Its objects are removed."""

    async def remove_old_intakes(self) -> None:
        """Removes the marks of messages that are too old to come a second time."""


class VectorCache(Protocol):
    """Little-endian float16 vectors by key."""

    async def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those that there are."""

    async def put(self, document_id: str, vectors: Mapping[bytes, bytes]) -> None:
        """Keeps them until the document is purged."""

    async def prune(self) -> int:
        """Removes the oldest above the cap; how many."""


class ExtractionCache(Protocol):
    """What a model read in passages, by key; None for an answer that was of no use."""

    async def get(self, keys: Sequence[bytes]) -> dict[bytes, Extraction | None]:
        """Those that there are."""

    async def put(self, document_id: str, key: bytes, extraction: Extraction | None) -> None:
        """Keeps it until the document is purged."""

    async def prune(self) -> int:
        """Removes the oldest above the cap; how many."""
