"""What a controller says of a message: a closed set."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.message import Message


@dataclass(frozen=True, slots=True)
class Done:
    """Handled; `reply` goes to the sender when it asked for one."""

    reply: Message | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now: try again in `delay_s` seconds. Counts as an attempt."""

    delay_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Never: to the dead letters at once, with the reason."""

    reason: str


Outcome = Done | Retry | Reject

# (message in its newest version, contracts.envelope.Context) → what shall become of it.
Handler = Callable[[Any, Any], Awaitable[Outcome]]
Handlers = Mapping[type[Message], Handler]
