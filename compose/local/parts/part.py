"""One process of the system: what starts it, how to tell that it is ready, how it ends."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compose.local.environment import DUMMY_CREDENTIALS
from compose.local.layout import REPOSITORY

Probe = Callable[[], Awaitable[bool]]


async def _at_once() -> bool:
    return True


@dataclass(frozen=True)
class Part:
    """`waits_for` is shown while `ready` says no (nothing if empty); a stop may take `grace_s`."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    waits_for: str = ""
    ready: Probe = _at_once
    stop_signal: int = signal.SIGTERM
    grace_s: float = 10.0
    cwd: Path = REPOSITORY
    # Its AWS_* variables.
    aws: Mapping[str, str] = field(default_factory=lambda: DUMMY_CREDENTIALS)
