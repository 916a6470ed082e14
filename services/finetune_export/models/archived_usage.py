"""Archived model calls, some in an object, by tenant and day; and tenants' settings."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict

USAGE_PREFIX = "usage/"
# Sorts after every day.
_SETTINGS = "settings"


class ArchivedCall(BaseModel):
    """A ModelUsed event; `body` is its newest version, `at` when the broker took it."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    tenant: str
    user: str | None
    at: datetime
    body: dict[str, Any]

    @property
    def day(self) -> date:
        return self.at.astimezone(UTC).date()


class ArchivedSettings(BaseModel):
    """A tenant's settings; `body` is the newest version of TenantChanged."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    revision: int
    body: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{settings_prefix(self.tenant)}{self.revision:010}.json"


def usage_prefix(tenant: str) -> str:
    return f"{USAGE_PREFIX}{tenant}/"


def settings_prefix(tenant: str) -> str:
    return f"{usage_prefix(tenant)}{_SETTINGS}/"


def key_of(calls: Sequence[ArchivedCall]) -> str:
    """Calls of one tenant and day; the same calls have the same key."""
    ids = "/".join(sorted(call.event_id for call in calls))
    first = calls[0]
    return f"{usage_prefix(first.tenant)}{first.day.isoformat()}/{uuid5(NAMESPACE_URL, ids)}.jsonl"


def is_settings(key: str) -> bool:
    return key.split("/")[2] == _SETTINGS
