"""The versions of a prompt, and the labels that say which of them answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

# The one prompt that the registry knows: the system text of answers.
ANSWER = "answer"
Label = Literal["production", "canary", "shadow"]
PRODUCTION: Label = "production"
CANARY: Label = "canary"
SHADOW: Label = "shadow"
LABELS: Mapping[str, Label] = {PRODUCTION: PRODUCTION, CANARY: CANARY, SHADOW: SHADOW}
# Of a tenant, all names together.
VERSIONS_MAX = 1_000
# A base model and the ARN of its deployment.
MODEL_NAME_MAX = 512
_MARKER, _FENCE = "{marker}", "{fence}"
_ID_LENGTH = 32
_BUCKETS = 10_000
_FOLDER = Path(__file__).parent
_FENCE_TEXT = (_FOLDER / "fence.txt").read_text(encoding="utf-8").strip()


class Parameters(BaseModel):
    """What the model is asked with beside the text. None: its own default, or the gateway's.

    `model` is tried first; None: the models of the tenant in their order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float | None = Field(default=None, ge=0, le=1)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    model: str | None = Field(default=None, min_length=1, max_length=MODEL_NAME_MAX)

    @model_serializer(mode="wrap")
    def _without_an_unnamed_model(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As versions were written before they could name a model, so that their ids stay."""
        dumped: dict[str, Any] = dump(self)
        if self.model is None:
            dumped.pop("model", None)
        return dumped


class PromptVersion(BaseModel):
    """Never changes: `version` is a hash of the text and the parameters.

    `system` holds `{marker}` wherever the random marker of the fence stands.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    system: str
    parameters: Parameters
    registered_at: datetime | None = None

    @classmethod
    def of(cls, name: str, text: str, parameters: Parameters, at: datetime | None = None) -> Self:
        """`{fence}` in `text` stands for the rules that keep sources apart from instructions.

        A text that has neither it nor the marker gets the rules at its end: without them a
        document could give orders.
        """
        text = text.strip()
        if _MARKER not in text and _FENCE not in text:
            text = f"{text}\n{_FENCE}"
        system = text.replace(_FENCE, _FENCE_TEXT)
        hashed = json.dumps([system, parameters.model_dump()], sort_keys=True)
        version = sha256(hashed.encode()).hexdigest()[:_ID_LENGTH]
        return cls(
            name=name, version=version, system=system, parameters=parameters, registered_at=at
        )

    def system_with(self, marker: str) -> str:
        return self.system.replace(_MARKER, marker)


# What answers while nobody has moved the label `production`.
BUILT_IN = PromptVersion.of(
    ANSWER, (_FOLDER / "answer_prompt.txt").read_text(encoding="utf-8"), Parameters()
)


class Labelled(BaseModel):
    """A label's version. `weight` is the per cent of conversations that a canary answers, and of
    production's turns that a shadow answers too; None for production."""

    model_config = ConfigDict(frozen=True)

    name: str
    label: Label
    version: PromptVersion
    weight: float | None = None
    moved_at: datetime


class WentBack(BaseModel):
    """Which version the gateway took away from a canary, and why."""

    model_config = ConfigDict(frozen=True)

    version: str
    reason: str
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """`version` None takes the label away. With `compares` it moves only from `expects`.

    `labelled` is the label as it will stand; None when it is taken away.
    `back` says why the gateway takes a canary away by itself; `who` moves it otherwise.
    """

    name: str
    label: Label
    version: str | None
    weight: float | None
    labelled: Labelled | None
    compares: bool = False
    expects: str | None = None
    back: WentBack | None = None
    who: str | None = None
    moved_at: datetime = field(kw_only=True)


class Moved(BaseModel):
    """A move that was made, of which the archive is still to hear."""

    model_config = ConfigDict(frozen=True)

    name: str
    label: Label
    version: str | None
    weight: float | None
    moved_at: datetime
    who: str | None
    reason: str | None
    # What the store adds: the count of moves, and where the label stood before.
    revision: int = 0
    before: str | None = None

    @classmethod
    def of(cls, move: Move) -> Self:
        return cls(
            name=move.name,
            label=move.label,
            version=move.version,
            weight=move.weight,
            moved_at=move.moved_at,
            who=move.who,
            reason=move.back.reason if move.back else None,
        )


class Elsewhere(Exception):
    """The label does not stand where the caller believes."""

    def __init__(self, version: str | None) -> None:
        there = f"at {version}" if version else "nowhere"
        super().__init__(
            f"The label stands {there}, not where 'expects' says. Look at GET /v1/prompts, and send"
            " the move again if you still want it."
        )
        self.version = version


class Arm(BaseModel):
    """The side of an experiment that a turn is on: a label, and the version that answers.

    `since` is when the label was put there; None: nobody has moved it.
    """

    model_config = ConfigDict(frozen=True)

    label: Label
    version: PromptVersion
    since: datetime | None = None


BUILT_IN_ARM = Arm(label=PRODUCTION, version=BUILT_IN)


class Labels(BaseModel):
    """A prompt's labels; None: nobody has set it, or it was taken away.

    `back` is the canary's last way back, until the label is moved again.
    """

    model_config = ConfigDict(frozen=True)

    production: Labelled | None = None
    canary: Labelled | None = None
    shadow: Labelled | None = None
    back: WentBack | None = None

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Production, then the canary and the shadow while their labels stand."""
        production = _arm(self.production) if self.production else BUILT_IN_ARM
        return (production, *(_arm(one) for one in (self.canary, self.shadow) if one))


def _arm(labelled: Labelled) -> Arm:
    return Arm(label=labelled.label, version=labelled.version, since=labelled.moved_at)


def arm_of(labels: Labels, tenant: str, conversation_id: str) -> Arm:
    """The same for a whole conversation while the weight stays; a greater weight takes nobody
    back to production."""
    canary = labels.canary
    if canary and _share(tenant, conversation_id, ANSWER) < (canary.weight or 0):
        return _arm(canary)
    return labels.arms[0]


def shadow_of(labels: Labels, tenant: str, turn_id: str) -> Arm | None:
    """The arm that answers production's turn once more; None: the turn is not in its weight."""
    shadow = labels.shadow
    if shadow and _share(tenant, turn_id, ANSWER) < (shadow.weight or 0):
        return _arm(shadow)
    return None


def _share(*parts: str) -> float:
    """A number from 0 to below 100, by a hash of the parts."""
    hashed = sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(hashed[:8], "big") % _BUCKETS * 100 / _BUCKETS
