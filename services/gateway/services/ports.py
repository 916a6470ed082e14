"""What the gateway needs of its stores."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from services.gateway.models.arm import ArmFigures
from services.gateway.models.document import AcceptedNote
from services.gateway.models.erasure import Erasure, Removed
from services.gateway.models.prompt import Arm, Labelled, Labels, Move, Moved, PromptVersion
from services.gateway.models.session import Session, SessionTurn, Summary
from services.gateway.models.shared_answer import Kept, Pieces, Place, Sought, Worded
from services.gateway.models.tenant import NO_LIMITS, Deletion, Limits, TenantSettings, UserLimits
from services.gateway.models.usage import Amount, Budget, Counted, Hold, Line, Spent, Totals
from shared.ports import Blobs, Granting


class UploadStore(Blobs, Granting, Protocol):
    """The carrier bucket."""


class Sessions(Protocol):
    """All raise Unavailable."""

    async def ping(self) -> None: ...

    async def load(self, tenant: str, user: str, conversation_id: str) -> Session:
        """Without turns when there is no session, or when it has expired."""

    async def append(self, tenant: str, user: str, conversation_id: str, turn: SessionTurn) -> None:
        """Nothing of what was deleted or erased since the turn was asked is kept."""

    async def summarise(
        self, tenant: str, user: str, conversation_id: str, summary: Summary
    ) -> None: ...

    async def forget(self, tenant: str, user: str, conversation_id: str, until: datetime) -> int:
        """How many turns were removed; one that was asked up to `until` does not come back."""

    async def erase(self, tenant: str, user: str | None, until: datetime) -> int:
        """The same for all conversations of a user, or of a tenant, of which nothing stays."""

    async def cut(self, tenant: str, document_id: str, ordinal: int) -> int:
        """How many turns and summaries held something of the deleted versions of a document."""


class ErasureReceipts(Protocol):
    """All raise Unavailable."""

    async def put(self, erasure: Erasure, due: datetime | None) -> None:
        """`due` is when it is looked at again; None: never."""

    async def note(
        self, tenant: str, erasure_id: str, service: str, round: int, removed: Removed
    ) -> None:
        """Idempotent. One that is unknown or has expired is ignored."""

    async def name_models(self, tenant: str, erasure_id: str, models: Sequence[str]) -> None:
        """The same for the models that were trained on what is erased."""

    async def get(self, tenant: str, erasure_id: str) -> Erasure | None: ...

    async def due(self, now: datetime, limit: int) -> Sequence[Erasure]:
        """Of all tenants, the longest overdue first."""

    async def remove_all(self, tenant: str) -> int:
        """The receipts of a tenant's users; how many."""


class Notes(Protocol):
    """All raise Unavailable."""

    async def put(self, tenant: str, note: AcceptedNote, due: datetime) -> None:
        """`due` is when ingestion should know the document, at the latest."""

    async def get(self, tenant: str, document_id: str) -> AcceptedNote | None: ...

    async def remove(self, tenant: str, note: AcceptedNote) -> None:
        """A newer note of the same document stays."""

    async def due(self, now: datetime, limit: int) -> Sequence[tuple[str, AcceptedNote]]:
        """Notes of all tenants that are due, with their tenants, the longest overdue first."""

    async def postpone(self, tenant: str, note: AcceptedNote, due: datetime) -> None: ...

    async def anonymise(self, tenant: str, user: str | None) -> int:
        """Takes the user's name off his notes, or off all of a tenant's; how many there were."""

    async def remove_all(self, tenant: str) -> int:
        """How many there were."""


class Ledger(Protocol):
    """What tenants spent, what is held for answers and trainings under way, and settings.

    All raise Unavailable. Those that spend or count raise LedgerMissing when the tenant's sums
    should be there and are not.
    """

    async def ping(self) -> None: ...

    async def begin(self, epoch: str) -> None:
        """From now on a tenant without sums is a new one. An epoch that is there stays."""

    async def tenants(self) -> list[str]:
        """All that have sums or settings."""

    async def reserve(
        self, hold: Hold, limits: Limits, user_limits: UserLimits = NO_LIMITS
    ) -> Budget | None:
        """Holds all of it, or nothing: the limit that leaves too little. Twice is once.

        `limits` are for the tenant, `user_limits` for the hold's user.
        """

    async def renew(self, tenant: str, holds: Sequence[str]) -> None:
        """Their gateway still lives."""

    async def settle(self, hold: Hold, calls: Sequence[Counted], pending: Amount) -> Totals:
        """Counts the gateway's calls of a turn and frees what it held for them.

        Of the rest so much stays held as is `pending`, until its events come.
        """

    async def count(
        self, tenant: str, day: date, calls: Sequence[Counted], turn_id: str | None, *, own: bool
    ) -> Totals:
        """Counts each call once, however often it comes; `own`: it is a gateway's."""

    async def expired(self, tenant: str) -> list[Hold]:
        """Those that nobody has renewed in time."""

    async def sweep(self, hold: Hold, event_id: str) -> Amount:
        """Ends an expired hold; what it charges counts as the event's."""

    async def totals(self, tenant: str, day: date) -> Totals: ...

    async def user_totals(self, tenant: str, user: str, day: date) -> Totals: ...

    async def lines(self, tenant: str, first: date, last: date) -> dict[tuple[date, Line], Spent]:
        """What was spent on each of these days."""

    async def anonymise(self, tenant: str, user: str | None) -> int:
        """Moves the user's lines, or those of all of the tenant, to NOBODY; of how many days."""

    async def claim_alert(self, tenant: str, what: str) -> bool:
        """True when nobody has told of it; the caller has a minute to do so."""

    async def alerted(self, tenant: str, what: str) -> None: ...

    async def settings(self, tenant: str) -> tuple[int, TenantSettings]:
        """With their revision; 0 while nobody has changed them. Raises LedgerMissing."""

    async def put_settings(self, tenant: str, settings: TenantSettings) -> int:
        """Their revision. Raises LedgerMissing."""

    async def deletion(self, tenant: str) -> Deletion | None: ...

    async def delete(self, tenant: str, deletion: Deletion) -> int:
        """Removes all that there is of the tenant; how many keys that were.

        From now on whatever would open its books again raises TenantDeleted.
        """

    async def reopen(self, tenant: str) -> None:
        """A tenant of this name is a new one."""


class PromptRegistry(Protocol):
    """Versions of prompts, their labels, figures of arms, by tenant. All raise Unavailable."""

    async def labels(self, tenant: str) -> Labels: ...

    async def versions(self, tenant: str) -> Sequence[PromptVersion]:
        """In any order."""

    async def version(self, tenant: str, name: str, version: str) -> PromptVersion | None: ...

    async def count(self, tenant: str) -> int:
        """Of versions."""

    async def add(self, tenant: str, version: PromptVersion) -> None:
        """Twice is once."""

    async def move(self, tenant: str, move: Move) -> None:
        """From now on it is `untold`, and the tenant is `watched`. Raises Elsewhere.

        A label that stands there already is not moved.
        """

    async def untold(self, tenant: str) -> Sequence[Moved]:
        """The moves, in their order, of which nobody has said `told`."""

    async def told(self, tenant: str, revision: int) -> None: ...

    async def watch(self, tenants: Sequence[str]) -> None: ...

    async def watched(self) -> Mapping[str, str]:
        """Tenants to look at, each with the mark that `unwatch` needs."""

    async def unwatch(self, tenant: str, mark: str) -> None:
        """Unless it was watched anew since it had this mark."""

    async def restore(
        self, tenant: str, labels: Sequence[Labelled], revisions: Sequence[int]
    ) -> None:
        """Labels as they stood, each with its newest move's revision; the tenant is watched."""

    async def count_turn(
        self, tenant: str, arm: Arm, turn: ArmFigures, bucket: int, lifetime_s: float
    ) -> None:
        """Adds to the arm's figures in a bucket, which lives so long after the last of them.

        Of a deleted tenant nothing is counted.
        """

    async def figures(
        self, tenant: str, arms: Sequence[Arm], buckets: Sequence[int]
    ) -> list[ArmFigures]:
        """The sums of each arm over the buckets."""


class RebuiltLedger(Ledger, Protocol):
    """What only the operator's command does to the ledger."""

    async def is_ready(self, tenant: str) -> bool:
        """False when the tenant's sums are missing."""

    async def rebuilding(self, tenant: str) -> None:
        """From now on the tenant's calls are counted; nothing is spent until `rebuilt`."""

    async def restore_settings(
        self, tenant: str, revision: int, settings: TenantSettings
    ) -> None: ...

    async def rebuilt(self, tenant: str) -> None: ...


class Rates(Protocol):
    """Requests a minute."""

    async def wait_s(self, tenant: str, per_minute: Mapping[str, int]) -> float:
        """Seconds until a request has room under each of these names; 0: it was let in.

        Raises Unavailable.
        """


class SharedAnswers(Protocol):
    """Answers that more than one asker gets. All raise Unavailable."""

    async def generation(self, tenant: str) -> str:
        """Changes whenever a document of the tenant does, and when the store was emptied."""

    async def seek(self, place: Place, turn_id: str) -> Sought:
        """The answer, or who computes it. With Leading the turn has the lease from now on."""

    async def renew(self, place: Place, turn_id: str) -> None:
        """The lease, and the leader's sign of life."""

    async def add(self, tenant: str, turn_id: str, pieces: Pieces) -> None:
        """The next pieces of the leader's answer."""

    async def land(
        self,
        place: Place,
        turn_id: str,
        last: Pieces,
        kept: Pieces,
        max_age_s: float,
        worded: Worded | None = None,
    ) -> None:
        """Adds the last pieces, keeps the answer if `kept` has any, and frees the lease, at once.

        Nothing is kept of another generation than today's, nor of a deleted document. With
        `worded` the answer is found by `alike` too.
        """

    async def alike(self, place: Place) -> list[tuple[str, str]]:
        """(key, question) of the newest kept answers in the place's scope; a bounded number."""

    async def entry(self, place: Place, key: str) -> Kept | None:
        """A kept answer that `alike` named."""

    async def read(self, tenant: str, leader: str, after: str) -> tuple[str, Pieces]:
        """The leader's pieces behind the mark `after` (`0`: all), with the next mark.

        Waits for about a second when there are none.
        """

    async def leads(self, tenant: str, leader: str) -> bool:
        """Whether the leader still works. Says at the same time that somebody follows."""

    async def followed(self, tenant: str, leader: str) -> bool:
        """Whether somebody has followed in the last seconds."""

    async def document_changed(self, tenant: str, document_id: str, *, deleted: bool) -> None:
        """Begins a new generation, and removes the answers of the old one."""

    async def forget(self, tenant: str) -> None:
        """The same when no document changed: what the answers hold must go."""

    async def remove_all(self, tenant: str) -> int:
        """Removes all that there is of the tenant; how many keys that were."""
