"""What each model supports in Converse, as a table of data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.bedrock.prices import foundation_model


@dataclass(frozen=True, slots=True)
class Abilities:
    """`cache_from` are the tokens that a cached prefix needs; None: the model caches none.

    A model without `system` gets the system's words before the first message. `guardrails`: a call
    may name one. `tools`: a call may force one, or it may only offer them; None: the model calls
    none.
    """

    system: bool = True
    cache_from: int | None = None
    guardrails: bool = True
    tools: Literal["forced", "offered"] | None = "forced"


# The first beginning that fits counts. From the Bedrock user guide, "Supported models and model
# features" and "Prompt caching", and ToolChoice of its API reference, as of 2026.
TABLE: Sequence[tuple[str, Abilities]] = (
    ("anthropic.claude-3-5-haiku", Abilities(cache_from=2048)),
    ("anthropic.claude-3-7-sonnet", Abilities(cache_from=1024)),
    ("anthropic.claude-haiku-4-5", Abilities(cache_from=4096)),
    ("anthropic.claude-opus-4-5", Abilities(cache_from=4096)),
    ("anthropic.claude-opus-4", Abilities(cache_from=1024)),
    ("anthropic.claude-sonnet-4", Abilities(cache_from=1024)),
    ("anthropic.", Abilities()),
    ("amazon.nova-micro-v1", Abilities(cache_from=1024)),
    ("amazon.nova-lite-v1", Abilities(cache_from=1024)),
    ("amazon.nova-pro-v1", Abilities(cache_from=1024)),
    ("amazon.nova-premier-v1", Abilities(cache_from=1024)),
    ("amazon.nova-", Abilities()),
    ("amazon.titan-text-", Abilities(system=False, tools=None)),
    ("mistral.mistral-7b-instruct", Abilities(system=False, tools=None)),
    ("mistral.mixtral-8x7b-instruct", Abilities(system=False, tools=None)),
    ("mistral.", Abilities(tools="offered")),
    ("meta.", Abilities(tools="offered")),
    ("local.", Abilities(guardrails=False)),
)


def abilities_of(model: str) -> Abilities:
    """By a model's id, its ARN or its cross-region profile; an unknown one has the usual ones."""
    name = foundation_model(model)
    return next((found for start, found in TABLE if name.startswith(start)), Abilities())


def calls_tools(model: str) -> bool:
    return abilities_of(model).tools is not None
