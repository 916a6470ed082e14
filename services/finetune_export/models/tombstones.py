"""Tombstones: marks that keep out of the archive what comes late."""

from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from services.finetune_export.models.archived_feedback import FEEDBACK_PREFIX
from services.finetune_export.models.archived_turn import TURNS_PREFIX, quoted_user

ERASED_PREFIX = "erased/"
DELETED_PREFIX = "deleted/"


class Tombstone(BaseModel):
    """What a user asked up to `until` is erased; None: what everyone of the tenant asked.

    It outlives the erasure, so its key holds a hash in the user's place.
    """

    model_config = ConfigDict(frozen=True)

    tenant: str
    user: str | None
    until: datetime

    @property
    def key(self) -> str:
        until = self.until.astimezone(UTC).isoformat()
        return f"{erased_prefix(self.tenant)}{hidden(self.user)}/{until}"

    @property
    def turns(self) -> str:
        """The prefix of the turns that it covers."""
        return f"{TURNS_PREFIX}{self._owner}"

    @property
    def feedback(self) -> str:
        """The prefix of the feedback that it covers."""
        return f"{FEEDBACK_PREFIX}{self._owner}"

    @property
    def _owner(self) -> str:
        return f"{self.tenant}/" + ("" if self.user is None else f"{quoted_user(self.user)}/")

    @staticmethod
    def covers(key: str, user: str, said_at: datetime) -> bool:
        """Whether the tombstone under `key`, one of the user's tenant, covers what was said."""
        return key.split("/")[2] in ("-", hidden(user)) and said_at <= Tombstone.until_of(key)

    @staticmethod
    def until_of(key: str) -> datetime:
        return datetime.fromisoformat(key.split("/")[3])


class DeletedDocument(BaseModel):
    """A document was deleted with all its versions up to `ordinal`."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    document_id: str
    ordinal: int

    @property
    def key(self) -> str:
        return f"{deleted_prefix(self.tenant, self.document_id)}{self.ordinal:010}"

    @staticmethod
    def ordinal_of(key: str) -> int:
        return int(key.rsplit("/", 1)[1])


def erased_prefix(tenant: str) -> str:
    return f"{ERASED_PREFIX}{tenant}/"


def all_deleted_prefix(tenant: str) -> str:
    """Of the marks of all the tenant's deleted documents."""
    return f"{DELETED_PREFIX}{tenant}/"


def deleted_prefix(tenant: str, document_id: str) -> str:
    return f"{all_deleted_prefix(tenant)}{quote(document_id, safe='')}/"


def hidden(user: str | None) -> str:
    return "-" if user is None else sha256(user.encode()).hexdigest()
