"""An export: what was asked for, and how far it is."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.finetune_export.models.example import canonical

EXPORTS_PREFIX = "exports/"
# Beside the lines: the manifest and the dataset card.
DESCRIPTIONS = ("manifest.json", "README.md")
WITHDRAWN = "withdrawn: someone whose turns it held was erased; ask for a new set"
Status = Literal["accepted", "running", "done", "failed"]


class Filter(BaseModel):
    """Turns asked in `since` ≤ time < `until`, by these models alone if some are named."""

    model_config = ConfigDict(frozen=True)

    since: datetime | None = None
    until: datetime
    models: tuple[str, ...] = ()


class ExportRequest(BaseModel):
    """The same request has the same id, so asking twice makes one set."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    format: str
    base_model: str
    seed: int = 0
    filter: Filter
    # Whether names of people are looked for too.
    names: bool = True

    @property
    def id(self) -> str:
        return sha256(canonical(self.model_dump(mode="json")).encode()).hexdigest()[:32]


class Stage(BaseModel):
    """How many records went in and out, and why the others did not."""

    name: str
    came: int = 0
    left: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)

    def take(self, reason: str | None) -> bool:
        """Counts a record that came; whether it goes on: without a reason against it, it does."""
        self.came += 1
        if reason is None:
            self.left += 1
        else:
            self.dropped[reason] = self.dropped.get(reason, 0) + 1
        return reason is None


class ExportState(BaseModel):
    """What an export's object in the archive holds; `reason` says why it failed."""

    id: str
    request: ExportRequest
    accepted_at: datetime
    status: Status = "accepted"
    reason: str | None = None
    stages: list[Stage] = Field(default_factory=list)
    manifest: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        return f"{export_prefix(self.request.tenant, self.id)}state.json"

    def withdrawn(self) -> "ExportState":
        """Without its set."""
        told = {"status": "failed", "reason": WITHDRAWN, "manifest": None}
        return self.model_copy(update=told)


def export_prefix(tenant: str, export_id: str) -> str:
    return f"{EXPORTS_PREFIX}{tenant}/{export_id}/"


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
