"""What finetune_export needs of its archive."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from services.finetune_export.models.archived_document import DocumentEvent
from services.finetune_export.models.archived_feedback import ArchivedFeedback
from services.finetune_export.models.archived_prompt import ArchivedMove, ArchivedVersion
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.models.archived_usage import ArchivedCall, ArchivedSettings
from services.finetune_export.models.export import ExportRequest, ExportState
from services.finetune_export.models.tombstones import DeletedDocument, Tombstone
from services.finetune_export.models.training import InLine, Job, Line, TrainingState


class TurnArchive(Protocol):
    """Every method raises Unavailable when the archive cannot be reached.

    What is removed or cut is so in all of the object's versions.
    """

    async def ping(self) -> None: ...

    async def write_once(self, turn: ArchivedTurn) -> bool:
        """False when it was there already; the turn is in both indexes either way."""

    async def read(self, key: str) -> ArchivedTurn | None:
        """None when it is not there."""

    def since(self, day: date, tenant: str | None) -> AsyncIterator[ArchivedTurn]:
        """Turns of this day (UTC) and later, of one tenant or of all."""

    async def is_erased(self, tenant: str, user: str, asked_at: datetime) -> bool:
        """Whether a tombstone covers what the user asked then."""

    async def discard(self, turn: ArchivedTurn) -> int:
        """Removes a turn with its feedback and from the indexes; how many times feedback."""

    async def put_tombstone(self, tombstone: Tombstone) -> None: ...

    async def destroy_keys(self, tombstone: Tombstone) -> int:
        """Makes unreadable what it covers, where bodies are encrypted; how many keys."""

    def covered(self, tombstone: Tombstone) -> AsyncIterator[ArchivedTurn]:
        """The turns that it covers."""

    def covered_feedback(self, tombstone: Tombstone) -> AsyncIterator[ArchivedFeedback]:
        """The feedback that it covers, also on turns that never came."""

    def corrections_by(self, tombstone: Tombstone) -> AsyncIterator[ArchivedFeedback]:
        """The corrections that the erased user made of other users' turns."""

    def feedback_keys(self, tenant: str) -> AsyncIterator[str]:
        """Of all feedback; that of one turn lies side by side, oldest first."""

    async def write_feedback(self, feedback: ArchivedFeedback) -> None:
        """Twice is once."""

    async def discard_feedback(self, feedback: ArchivedFeedback) -> None: ...

    async def cut_feedback(self, feedback: ArchivedFeedback) -> None:
        """Removes the words that may quote a deleted document."""

    async def feedback(self, turn: ArchivedTurn) -> list[ArchivedFeedback]:
        """What was said about a turn, oldest first."""

    async def write_document_event(self, event: DocumentEvent) -> None:
        """Twice is once."""

    async def bury(self, deleted: DeletedDocument) -> None:
        """Marks a document's versions as deleted, for turns that come late."""

    async def deleted(self, tenant: str, documents: Iterable[str]) -> dict[str, int]:
        """Those of the documents that are marked, with their last deleted version."""

    def quoting(self, tenant: str, document_id: str) -> AsyncIterator[str]:
        """The keys of the turns that quote a document."""

    async def cut(self, key: str, document_id: str, ordinal: int) -> ArchivedTurn | None:
        """Cuts a document's quotations from a turn and its feedback.

        The turn as it is now; None when it is gone.
        """

    async def unlink(self, key: str, document_id: str) -> None:
        """Removes what leads from the document to a turn that quotes it no longer."""


class DayArchive(Protocol):
    """Turns by day. Every method raises Unavailable when the archive cannot be reached."""

    def tenants(self) -> AsyncIterator[str]:
        """Those that have turns."""

    def days(self, tenant: str) -> AsyncIterator[date]:
        """Those (UTC) on which the tenant has turns."""

    def of_day(self, tenant: str, day: date) -> AsyncIterator[str]:
        """The keys of a day's turns."""

    async def tombstones(self, tenant: str) -> set[str]:
        """Their keys."""

    async def read(self, key: str) -> ArchivedTurn | None: ...

    async def feedback(self, turn: ArchivedTurn) -> list[ArchivedFeedback]: ...


class LakeParts(Protocol):
    """Every method raises Unavailable when the lake cannot be reached."""

    async def days(self, tenant: str) -> set[date]:
        """Those that it holds."""

    async def parts(self, tenant: str, day: date) -> list[str]:
        """The keys of a day's parts: one, or for a moment two."""

    async def marks(self, tenant: str, day: date) -> set[str]:
        """Grows with each change."""

    async def change(self, tenant: str, days: Iterable[date]) -> int:
        """Marks days that have changed, then removes their parts; how many."""

    async def write(self, key: str, body: bytes) -> None: ...

    async def remove(self, keys: Iterable[str]) -> None: ...


class AuditLog(Protocol):
    """Every method raises Unavailable when the log cannot be reached."""

    async def write(self, key: str, body: bytes) -> bool:
        """False when there is something under the key already."""

    async def read(self, key: str) -> bytes:
        """Empty when nothing is there."""
        ...

    def segments(self, day: date | None = None) -> AsyncIterator[str]:
        """Keys of lines, of a day (UTC) or of all, by day, writer and number."""

    async def days(self) -> list[date]:
        """Those that have lines."""
        ...

    def seals(self) -> AsyncIterator[str]:
        """Their keys, by day."""


class UsageArchive(Protocol):
    """Every method raises Unavailable when the archive cannot be reached."""

    async def write_calls(self, calls: Sequence[ArchivedCall]) -> None:
        """Calls of one tenant and day, as one object. Twice is once.

        What a tombstone covers is written without the user's name.
        """

    async def anonymise(self, tenant: str, user: str | None) -> int:
        """Takes a user's name off the calls, or everyone's of the tenant; off how many."""

    async def write_settings(self, settings: ArchivedSettings) -> None: ...

    async def tenants(self, after: str | None, limit: int) -> list[str]:
        """The first ones after `after` by name that have usage or settings."""

    async def calls(
        self, tenant: str, since: date, after: str | None, limit: int
    ) -> tuple[list[ArchivedCall], str | None]:
        """About `limit` calls of this day (UTC) and later, and where the next ones begin."""

    async def newest_settings(self, tenant: str) -> ArchivedSettings | None: ...


class PromptArchive(Protocol):
    """Every method raises Unavailable when the archive cannot be reached. Twice is once."""

    async def write_version(self, version: ArchivedVersion) -> None: ...

    async def write_move(self, move: ArchivedMove) -> None: ...

    async def newest(self, tenant: str) -> list[tuple[ArchivedMove, ArchivedVersion]]:
        """The newest move of each label that stands somewhere, with its version."""


class Tenants(Protocol):
    """Deleted tenants. Every method raises Unavailable when the archive cannot be reached."""

    async def deleted_until(self, tenant: str) -> datetime | None:
        """What was made up to then is a deleted tenant's; None: no tenant of this name was."""

    async def delete(
        self, tenant: str, until: datetime, kept: Collection[str] = ()
    ) -> dict[str, int]:
        """Notes the deletion, then removes all that lies under the tenant but what is `kept`; how
        much, by place."""


class ExportArchive(Protocol):
    """What an export reads and writes. Every method raises Unavailable."""

    async def consents(self, tenant: str) -> bool:
        """Whether the tenant agrees to training now."""

    async def tombstones(self, tenant: str) -> set[str]: ...

    def turn_keys(self, tenant: str) -> AsyncIterator[str]:
        """Sorted: a user's turns lie side by side, and so do a conversation's."""

    async def read(self, key: str) -> ArchivedTurn | None: ...

    async def rated(self, tenant: str) -> set[str]:
        """The keys of the turns on which there is feedback: few, as a rule."""

    async def feedback(self, turn: ArchivedTurn) -> list[ArchivedFeedback]: ...

    async def note_users(self, request: ExportRequest, users: Iterable[str]) -> None:
        """So that an erasure finds the sets that hold a user."""

    async def forget_others(self, request: ExportRequest, users: Iterable[str]) -> None:
        """Removes the notes of users whom the set does not hold in the end."""

    async def remove_set(self, request: ExportRequest) -> None:
        """Removes the files of a set."""

    async def put_set_file(self, request: ExportRequest, name: str, path: Path) -> None: ...

    async def put_set_text(self, request: ExportRequest, name: str, text: str) -> None: ...


class TrainingSets(Protocol):
    """Every method raises Unavailable when the archive cannot be reached."""

    async def withdraw(self, tombstone: Tombstone) -> int:
        """Removes the sets that hold what it covers, and says so in their states; how many."""


class ExportStates(Protocol):
    """Every method raises Unavailable when the archive cannot be reached."""

    async def begin(self, state: ExportState) -> ExportState:
        """The state that is there: of two that begin at once, the first one's."""

    async def save(self, state: ExportState) -> None: ...

    async def state(self, tenant: str, export_id: str) -> ExportState | None: ...

    async def has_files(self, state: ExportState) -> bool: ...

    async def links(self, state: ExportState) -> dict[str, str]:
        """A URL for each file of a set that is done; it ends after some minutes."""

    async def ids(self, tenant: str) -> list[str]: ...


class TrainingStates(Protocol):
    """Every method raises Unavailable when the archive cannot be reached."""

    async def begin(self, state: TrainingState) -> TrainingState:
        """The state that is there: of two that begin at once, the first one's. Notes the set's
        users first."""

    async def training(self, tenant: str, training_id: str) -> TrainingState | None: ...

    async def change(
        self, state: TrainingState, change: Callable[[TrainingState], TrainingState]
    ) -> TrainingState | None:
        """By compare-and-set; `change` may be called again. What is there now, None: nothing."""

    async def of_tenant(self, tenant: str) -> list[TrainingState]: ...

    def everywhere(self) -> AsyncIterator[TrainingState]:
        """Those of all tenants."""

    async def users(self, state: TrainingState) -> set[str]:
        """Hashes of those whose turns the set held when it was asked for."""

    async def holds(self, state: TrainingState, tombstone: Tombstone) -> bool:
        """Whether the set held turns of whom the tombstone is about."""

    async def line(self) -> Line: ...

    async def join(self, entry: InLine) -> None:
        """At the end; twice is once."""

    async def leave(self, training_id: str) -> None: ...

    async def manifest(self, tenant: str, export_id: str) -> bytes | None: ...

    async def digest(self, tenant: str, export_id: str, name: str) -> str | None:
        """SHA-256 of a file of a set; None when it is not there or empty."""

    async def discard_output(self, state: TrainingState) -> None:
        """Removes what the provider wrote for it."""

    async def table(self, state: TrainingState, name: str) -> bytes:
        """The whole lines at the beginning of a table that the provider wrote; empty where it did
        not."""
        ...


class Trainer(Protocol):
    """A provider. Every method raises Unavailable where it may work later, else TrainerRefused.

    Things are named by us, so a call that is made twice does it once.
    """

    async def start(
        self, state: TrainingState, trains_as: str, files: Sequence[str], set_prefix: str
    ) -> None:
        """`files` lie under `set_prefix`; the first one is trained on, the others measured with."""

    async def look(self, name: str) -> Job | None:
        """None: there is no such job."""

    async def stop(self, name: str) -> None:
        """Also where it has ended, or never was."""

    async def forget(self, custom_model: str) -> None:
        """Deletes a custom model; also where it is gone."""

    def check_deployable(self, custom_model: str | None) -> None:
        """Raises TrainerRefused where the provider's models are not deployed from here."""

    async def deploy(self, name: str, custom_model: str, tags: Mapping[str, str]) -> str:
        """The deployment's ARN."""

    async def deployed(self, deployment: str) -> tuple[str, str | None] | None:
        """Creating, Active or Failed, and why; None: there is no such deployment."""

    async def retire(self, deployment_name: str) -> None:
        """Deletes a deployment; also where it is gone."""
