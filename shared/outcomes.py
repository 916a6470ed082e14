"""What a controller says of a message: a closed set."""

from dataclasses import dataclass

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
