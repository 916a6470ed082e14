"""The HTTP shapes of training sets."""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from contracts.gateway.http import Body, example

EXPORT_ID = "c1f666fd255d274aca765c0bb8cbeabb"
_AT = "2026-11-27T09:00:00Z"
_FORMATS = (
    "`bedrock-conversation`, `bedrock-prompt-completion`, `bedrock-claude-3-haiku`,"
    " `bedrock-distillation`, `bedrock-reinforcement`, `sagemaker-chat`, `sagemaker-dpo` or"
    " `nova-dpo`"
)
_STAGE = {
    "name": "quality",
    "came": 1200,
    "left": 912,
    "dropped": {"uncited": 188, "degraded": 100},
}
_VIEW: dict[str, Any] = {
    "export_id": EXPORT_ID,
    "status": "done",
    "reason": None,
    "format": "bedrock-conversation",
    "base_model": "amazon.nova-micro-v1:0",
    "seed": 0,
    "filter": {"since": None, "until": _AT, "models": []},
    "accepted_at": _AT,
    "stages": [_STAGE],
    "manifest": {"files": [{"name": "train.jsonl", "rows": 820}], "found": {"email": 14}},
    "downloads": {"train.jsonl": "https://archive.s3.amazonaws.com/exports/acme/…/train.jsonl"},
}


class ExportFilter(Body):
    """Which turns may go into the set."""

    since: AwareDatetime | None = Field(default=None, description="turns asked from then on")
    until: AwareDatetime | None = Field(
        default=None, description="turns asked before then; left out: before this minute"
    )
    models: tuple[str, ...] = Field(
        default=(), max_length=16, description="answers of these models alone; empty: of all"
    )


class ExportBody(Body):
    """A training set that is wanted."""

    model_config = example(
        format="bedrock-conversation",
        base_model="amazon.nova-micro-v1:0",
        filter={"since": "2026-10-01T00:00:00Z"},
        seed=0,
    )

    format: str = Field(min_length=1, max_length=64, description=_FORMATS)
    base_model: str = Field(
        min_length=1, max_length=256, description="the provider's id of the model to be trained"
    )
    filter: ExportFilter = Field(default=ExportFilter(), description="left out: all turns")
    seed: int = Field(
        default=0, ge=0, le=2**31 - 1, description="draws the conversations that are held out"
    )


class ExportFilterView(BaseModel):
    """Which turns may go into the set."""

    since: datetime | None = Field(default=None, description="turns asked from then on; null: all")
    until: datetime = Field(description="turns asked before then")
    models: tuple[str, ...] = Field(description="answers of these models alone; empty: of all")


class ExportStageView(BaseModel):
    """A step of making the set."""

    name: str = Field(
        description="consent, erasure, quality, screening, duplicates, split or validation"
    )
    came: int = Field(description="records that came in")
    left: int = Field(description="records that went on")
    dropped: dict[str, int] = Field(description="why the others did not")


class ExportView(BaseModel):
    """A training set and how far it is."""

    model_config = example(**_VIEW)

    export_id: str = Field(description="its id; the same request has the same one")
    status: str = Field(description="accepted, running, done or failed")
    reason: str | None = Field(default=None, description="why it failed, and what to do")
    format: str = Field(description="the format of its lines")
    base_model: str = Field(description="the model that it is for")
    seed: int = Field(description="what drew the held-out conversations")
    filter: ExportFilterView = Field(description="which turns may go into it")
    accepted_at: datetime = Field(description="when it was asked for first")
    stages: list[ExportStageView] = Field(description="counts, once it is done or failed")
    manifest: dict[str, Any] | None = Field(
        default=None,
        description="files with rows, bytes and SHA-256; what was found by screening, by class;"
        " versions. The files lie in the archive's bucket under `exports/<tenant>/<export_id>/`",
    )
    downloads: dict[str, str] = Field(
        default_factory=dict,
        description="a URL for each file by name, good for five minutes; with a single set that is"
        " done. Whoever has a URL can read the file",
    )


class ExportList(BaseModel):
    """The newest training sets of the tenant, without their manifests."""

    model_config = example(exports=[_VIEW | {"manifest": None, "downloads": {}}])

    exports: list[ExportView] = Field(description="newest first, 50 at most")
