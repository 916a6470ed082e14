"""What happens in a turn, in this order; how a client is told is up to the HTTP room.

`TextAdded` comes any number of times. `TurnFailed` may come at any place and is the last event
then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from services.gateway.models.turn import Source


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The question is understood and its passages are found.

    `query` is what was searched for; `degraded` names what did not answer; `model` is the one that
    will answer, None while several might. `cached`: the answer is one that is given again.
    """

    turn_id: str
    conversation_id: str
    query: str
    degraded: tuple[str, ...]
    trace_id: str | None
    model: str | None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class SourcesFound:
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class TextAdded:
    """The next piece of the answer; its citations are checked."""

    text: str


@dataclass(frozen=True, slots=True)
class CitationsChecked:
    """The sources that the answer names, in the order of their first mention."""

    cited: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class UsageSummed:
    """The sum over all model calls of the turn; `model` is the one that answered, if one did.

    `cost_usd` is None when no model of the turn has a price; `stop_reason` is None for an answer
    that is whole.
    """

    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None
    model: str | None
    stop_reason: str | None = None


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The turn is recorded."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """`code` is stable; `message` says what to do."""

    code: str
    message: str


TurnEvent = (
    TurnStarted | SourcesFound | TextAdded | CitationsChecked | UsageSummed | TurnDone | TurnFailed
)
Emit = Callable[[TurnEvent], None]
