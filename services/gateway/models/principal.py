"""Who asks: always taken from a verified token, never from a request's body."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

SCOPES = {
    "chat": "ask questions",
    "search": "search for passages",
    "documents:read": "list documents and read their state",
    "documents:write": "add and delete documents",
    "admin": "manage the tenant",
    "platform": "manage all tenants and their limits",
}
# A control character would spoil a log line, and NUL a row.
_PLAIN = r"^[^\x00-\x1f]+$"
Group = Annotated[str, Field(min_length=1, max_length=128, pattern=_PLAIN)]


class Principal(BaseModel):
    """A user of a tenant; tenant follows the pattern of every message's envelope."""

    model_config = ConfigDict(frozen=True)

    tenant: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    user: str = Field(min_length=1, max_length=128, pattern=_PLAIN)
    groups: tuple[Group, ...] = Field(default=(), max_length=64)
    scopes: frozenset[str] = frozenset()
    # Which token said so, and when it was made, if it says.
    token_id: str = ""
    issued_at: datetime | None = None

    @property
    def visible_to(self) -> tuple[str, ...]:
        """The names under which a document may be shared with this user."""
        return (f"user:{self.user}", *(f"group:{group}" for group in self.groups))

    @property
    def managed_as(self) -> tuple[str, ...] | None:
        """The same for managing documents; None for an admin, who manages all of the tenant's."""
        return None if "admin" in self.scopes else self.visible_to
