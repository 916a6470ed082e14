"""What ingestion needs of its stores. Every method raises Unavailable when they are away."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.ingestion.models.audited import Registered
from services.ingestion.models.deleted_tenant import Deleted
from services.ingestion.models.parsed import Extraction
from services.ingestion.models.proof import Certificate, Purged
from services.ingestion.models.steering import Standing
from services.ingestion.models.succession import Verdict
from services.ingestion.models.tenant import Tenant
from services.ingestion.models.version import (
    EVERY,
    Announcement,
    Change,
    Claim,
    Deletion,
    Document,
    Fault,
    Intake,
    Leftover,
    Origin,
    Result,
    Seen,
    Selection,
    Version,
    Waiting,
)
from shared.ports import Blobs, Describing, Listing


class Carrier(Blobs, Listing, Describing, Protocol):
    """The carrier bucket."""


class Intakes(Protocol):
    """The messages that offered a document: each is seen once."""

    async def take_in(self, offered: Intake) -> Verdict:
        """Commits a new version, if it is one, and marks its message as seen.

        The document's versions that still wait or are in work are superseded by a new one. A
        message that a deletion names is `overtaken` whenever it comes; one that was refused stays
        so, or `overtaken`.
        """

    async def take_in_parts(self, claim: Claim, offered: Sequence[Intake]) -> list[Verdict] | None:
        """Takes in parts of the claimed version; None when the claim was lost.

        A part never takes the name of a document that did not come in the same one: it is
        `refused`.
        """

    async def inside(self, document_id: str) -> tuple[int, int]:
        """How many parts a document has at all depths, and their bytes."""

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
        selection: Selection = EVERY,
    ) -> list[Document]:
        """Newest first, deleted ones left out; `after` is the last document's (time, id).

        Raises BadSelection.
        """

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


class Steering(Protocol):
    """What people do with a document's newest version. Each raises NotPossible.

    None for an unknown document, another tenant's, a deleted one, and one the asker may not see.
    What was done already stays as it is. The answer is the version as it was before.
    """

    async def standing(
        self, tenant: str, document_id: str, visible_to: Sequence[str] | None
    ) -> Standing | None:
        """Changes nothing."""

    async def retry(
        self, tenant: str, document_id: str, visible_to: Sequence[str] | None
    ) -> Standing | None:
        """A rejected or failed version is `accepted` again, with no attempt counted."""

    async def cancel(
        self, tenant: str, document_id: str, visible_to: Sequence[str] | None
    ) -> tuple[Standing | None, Announcement | None]:
        """A version that waits or is in work has `failed`; what to announce of it."""

    async def reindex(
        self, origin: Origin, document_id: str, visible_to: Sequence[str] | None
    ) -> Standing | None:
        """The same bytes are the document's next version, which waits to be read anew."""


class Versions(Protocol):
    """A document's versions; only those that the asker may see, for each one by itself."""

    async def listed(
        self, tenant: str, document_id: str, visible_to: Sequence[str] | None = None
    ) -> list[Version]:
        """Newest first, without their texts; duplicates and deleted ones are left out."""

    async def one(
        self,
        tenant: str,
        document_id: str,
        ordinal: int | None,
        visible_to: Sequence[str] | None = None,
    ) -> Version | None:
        """With its text; without `ordinal` the one that is found, else the newest."""

    async def describe(
        self,
        origin: Origin,
        document_id: str,
        change: Change,
        visible_to: Sequence[str] | None = None,
    ) -> bool:
        """Commits new versions that say so, if that changes anything.

        False when there is no such document, or the asker may not see its newest version.
        """

    async def restore(
        self,
        origin: Origin,
        document_id: str,
        ordinal: int,
        visible_to: Sequence[str] | None = None,
    ) -> bool:
        """Commits a new version drawn from that one, unless it is the newest already.

        False as above, and for a version that the asker may not see. Raises NotPossible.
        """


class Backlog(Protocol):
    """The work that waits, of all tenants together."""

    async def waiting(self) -> Waiting:
        """What a worker could claim now. Raises Unavailable."""


class Worklist(Protocol):
    """Workers' claims on versions, what became of them, and what is to be announced."""

    async def claim(self, places: int) -> list[Claim]:
        """Up to `places` versions, shared among tenants; each is ours until its lease ends."""

    async def renew(self, claims: Sequence[Claim]) -> set[str]:
        """Renews the leases; those not in the answer are lost (deleted, superseded, taken)."""

    async def watch(self, claims: Sequence[Claim], embedding: Sequence[Claim]) -> set[str]:
        """Those of `claims` that are still ours; notes how far those in `embedding` are."""

    async def release(self, claim: Claim, *, after_s: float, counted: bool) -> None:
        """Gives the version back; `counted`: the attempt failed, perhaps by its fault."""

    async def finish(self, claim: Claim, result: Result) -> Announcement | None:
        """The version is `indexing`: it waits for retrieval. None when the claim was lost."""

    async def settle(self, claim: Claim, status: str, fault: Fault) -> Announcement | None:
        """The version ended `rejected` or `failed`; None when the claim was lost."""

    async def duplicate(self, claim: Claim) -> None:
        """The version has the content of the one that can be found, so it is not needed."""

    async def is_withdrawn(self, claim: Claim) -> bool:
        """True when it was deleted, replaced or cancelled, so that nobody works on it now."""

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


class Tenants(Protocol):
    """What is known of tenants. The worklist passes over those who have to wait."""

    async def update(self, tenant: str, change: Callable[[Tenant], Tenant], now: datetime) -> None:
        """Commits what `change` makes of the tenant; one change at a time."""


class DeletedTenants(Protocol):
    """Tenants that were deleted, and the end of their documents."""

    async def deleted(self, tenant: str) -> Deleted | None:
        """None: no tenant of this name was deleted."""

    async def delete_documents(self, origin: Origin, until: datetime) -> None:
        """Notes the deletion of the origin's tenant, and deletes all of its documents."""

    async def is_purged(self, tenant: str) -> bool:
        """Whether every deletion of the tenant's documents is complete."""

    async def forget(self, tenant: str) -> dict[str, int]:
        """Removes the rows of a tenant whose documents are purged; what was purged, by place.

        A tenant of the same name counts its documents' versions on from here, so that no late
        message of the deleted one is taken for the new one's.
        """


class Purging(Protocol):
    """What deleted and replaced versions left."""

    async def deletions(self, limit: int = 20) -> list[Deletion]:
        """Deletions to announce and purge; each comes back until all services have confirmed."""

    async def purged(self, deletion: Deletion, objects: Mapping[str, int]) -> None:
        """So many objects of each place are removed: nothing but ids stays in the registry, too.

        Confirms the deletion for ingestion, unless a worker may still write a manifest.
        """

    async def leftovers(self, limit: int = 100) -> list[Leftover]:
        """Replaced versions to purge; each comes back until `purged_leftover` is called."""

    async def purged_leftover(self, leftover: Leftover) -> None:
        """Its objects are removed."""

    async def remove_old_intakes(self) -> None:
        """Removes the marks of messages that are too old to come a second time."""


class Proofs(Protocol):
    """What each service has purged of deleted documents."""

    async def confirm(
        self, tenant: str, document_id: str, ordinal: int, service: str, places: Iterable[Purged]
    ) -> bool:
        """The service holds nothing up to `ordinal`; twice is once.

        The document is `deleted` when all have confirmed. False, and nothing is noted, when this
        deletion is not known: it is announced, and so confirmed, again.
        """

    async def certificate(self, tenant: str, document_id: str) -> Certificate | None:
        """Of the newest deletion; None when there was none."""


class Audits(Protocol):
    """The registry as audits read it, and the changes that repair it."""

    async def page(
        self, tenant: str, after: str, limit: int, ids: Sequence[str] = ()
    ) -> list[Registered]:
        """Up to `limit` documents after `after`, or those of `ids`, by the bytes of their ids."""

    async def expected_manifests(
        self, tenant: str, keys: Sequence[tuple[str, str, int]]
    ) -> set[str]:
        """Those of the manifests (key, document id, ordinal) that a version has or may have."""

    async def recount(self, document_id: str, ordinal: int, result: Result) -> None:
        """The ready version has these counts."""

    async def forget_original(self, document_id: str, ordinal: int) -> None:
        """The version has no original any more."""

    async def again(self, found: Registered, ordinal: int, result: Result | None = None) -> bool:
        """The ready version once more as `ordinal`: to be read, or with a result to be indexed.

        False, and nothing is done, when the document has changed since it was found.
        """

    async def bury(self, origin: Origin, document_id: str, ordinal: int) -> bool:
        """The document's next version will be above `ordinal`; False for another tenant's."""


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
