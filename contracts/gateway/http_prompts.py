"""The HTTP shapes of prompts: their versions, and the labels that say which of them answers."""

from typing import Literal

from pydantic import BaseModel, Field

from contracts.gateway.http import AskedText, Body, example

_VERSION = "5be1b6c1f3a94f0c8a1d2e3f4a5b6c7d"
_SYSTEM = "You answer from the staff handbook, in one sentence. Name its source, like [1]."
SYSTEM_MAX = 20_000
_NAME = "the prompt's name; `answer`, the system text of answers, is the only one"


class ParametersBody(Body):
    """What the model is asked with beside the text, as Bedrock's inferenceConfig takes it."""

    temperature: float | None = Field(
        default=None, ge=0, le=1, description="null: the model's own default"
    )
    top_p: float | None = Field(
        default=None, ge=0, le=1, description="null: the model's own default"
    )
    max_tokens: int | None = Field(
        default=None,
        ge=1,
        description="tokens of an answer at most; null: RAGOPS_ANSWER_TOKENS, which is also the"
        " most that can be given",
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=512,
        description="the model that is asked first, one of the tenant's `models`, or its"
        " deployment's ARN; the others are its fallback. null: they are asked in their order",
    )


class PromptBody(Body):
    """A version to be registered."""

    model_config = example(
        name="answer", system=_SYSTEM, parameters={"temperature": 0.2, "max_tokens": 300}
    )

    name: Literal["answer"] = Field(default="answer", description=_NAME)
    system: AskedText = Field(
        min_length=1,
        max_length=SYSTEM_MAX,
        description="the system text. `{fence}` stands for the rules that keep the sources apart"
        " from instructions; when it is left out they come last",
    )
    parameters: ParametersBody = Field(
        default=ParametersBody(), description="how the model answers"
    )


class LabelBody(Body):
    """Where a label shall stand."""

    model_config = example(version=_VERSION, weight=5, expects=None)

    version: str | None = Field(
        max_length=64,
        description="a registered version; null takes the label away, and `production` back to the"
        " version that the gateway brings along",
    )
    weight: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="per cent of conversations that `canary` answers, or of production's turns that"
        " `shadow` answers too; `production` has none",
    )
    expects: str | None = Field(
        default=None,
        max_length=64,
        description="the version at which you believe the label to stand, null for none: if it"
        " stands elsewhere nothing is moved. Left out: it is moved wherever it stands",
    )


class PromptView(BaseModel):
    """A version of a prompt. It never changes."""

    model_config = example(
        name="answer",
        version=_VERSION,
        system=_SYSTEM,
        parameters={"temperature": 0.2, "top_p": None, "max_tokens": 300, "model": None},
        registered_at="2026-11-27T09:00:00Z",
    )

    name: str = Field(description=_NAME)
    version: str = Field(description="a hash of the text and the parameters")
    system: str = Field(
        description="the whole text; `{marker}` stands for the random word that marks the fence"
    )
    parameters: ParametersBody = Field(description="how the model answers")
    registered_at: str | None = Field(
        default=None,
        description="RFC 3339; null for the version that the gateway brings along",
    )


class LabelView(BaseModel):
    """A label and the version at which it stands."""

    model_config = example(
        name="answer", label="canary", version=_VERSION, weight=5, moved_at="2026-11-27T09:05:00Z"
    )

    name: str = Field(description=_NAME)
    label: str = Field(
        description="`production` answers; `canary` answers a share of conversations instead;"
        " `shadow` answers a share of production's turns once more, unseen"
    )
    version: str | None = Field(
        default=None, description="the version; null: the label stands nowhere"
    )
    weight: float | None = Field(default=None, description="per cent; null for `production`")
    moved_at: str | None = Field(
        default=None,
        description="RFC 3339; null when nobody has moved `production`, or a person has taken the"
        " label away",
    )
    before: str | None = Field(
        default=None,
        description="the version from which the gateway took the canary back by itself, until the"
        " label is moved again",
    )
    reason: str | None = Field(
        default=None, description="why it did: the canary's figures beside production's"
    )


class PromptList(BaseModel):
    """All versions, the newest first, and the labels that are set."""

    model_config = example(
        versions=[
            {
                "name": "answer",
                "version": _VERSION,
                "system": _SYSTEM,
                "parameters": {
                    "temperature": 0.2,
                    "top_p": None,
                    "max_tokens": 300,
                    "model": None,
                },
                "registered_at": "2026-11-27T09:00:00Z",
            }
        ],
        labels=[
            {
                "name": "answer",
                "label": "production",
                "version": _VERSION,
                "weight": None,
                "moved_at": "2026-11-27T09:05:00Z",
            }
        ],
    )

    versions: list[PromptView] = Field(description="the tenant's versions")
    labels: list[LabelView] = Field(
        description="`production` is always there, and a canary that went back by itself too"
    )


class ArmView(BaseModel):
    """What the turns of one arm came to."""

    model_config = example(
        label="canary",
        version=_VERSION,
        model=None,
        weight=5,
        turns=40,
        failures=1,
        refusals=3,
        usd_a_turn=0.0021,
    )

    label: str = Field(description="`production`, `canary` or `shadow`")
    version: str = Field(description="the version that answers")
    model: str | None = Field(
        default=None, description="the model that it names; null: the tenant's, in their order"
    )
    weight: float = Field(
        description="per cent of conversations; of `shadow`, of production's turns"
    )
    turns: int = Field(
        description="turns that asked a model; one that was stopped, or given again from the cache,"
        " does not count"
    )
    failures: int = Field(description="of them: turns that broke off with an error")
    refusals: int = Field(
        description="of them: answers that cite nothing although sources were found"
    )
    usd_a_turn: float | None = Field(
        default=None,
        description="null without turns; of `shadow`, as if it had answered in production's place:"
        " its own answer, and what the turn cost before its answer",
    )


class ArmList(BaseModel):
    """Production, and the canary and the shadow while they stand."""

    model_config = example(
        window_s=600,
        arms=[
            {
                "label": "production",
                "version": _VERSION,
                "model": None,
                "weight": 100,
                "turns": 812,
                "failures": 4,
                "refusals": 51,
                "usd_a_turn": 0.0019,
            }
        ],
    )

    window_s: float = Field(
        description="seconds back from now; an arm's figures begin anew when its label moves"
    )
    arms: list[ArmView] = Field(description="production first")
