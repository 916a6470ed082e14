"""A circuit breaker: after failures nothing is tried for a while, then one call decides."""

from collections.abc import Callable
from time import monotonic

OPEN_S = 5.0


class Breaker:
    """Closed: all calls pass. Open: none for `open_s`. Half open: one call at a time passes.

    `failures` in a row open it; `clock` gives seconds.
    Source: M. Nygard, Release It!, "Circuit Breaker".
    """

    def __init__(
        self,
        *,
        failures: int = 1,
        open_s: float = OPEN_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.open_s = open_s
        self._failures_to_open, self._clock = failures, clock
        self._failures = 0
        self._next_try = 0.0
        self._trying = False

    @property
    def closed(self) -> bool:
        return self._failures < self._failures_to_open

    @property
    def half_open(self) -> bool:
        """One call may try now, and none is trying."""
        return not self.closed and not self._trying and self._clock() >= self._next_try

    def admits(self) -> bool:
        """Whether a call may start. In the half-open state only the first caller hears yes."""
        if self.closed:
            return True
        if not self.half_open:
            return False
        self._trying = True
        return True

    def failed(self) -> bool:
        """Notes a failure; true when this one opened the breaker."""
        was_closed = self.closed
        self._failures += 1
        self._trying = False
        self._next_try = self._clock() + self.open_s
        return was_closed and not self.closed

    def succeeded(self) -> bool:
        """Notes a success; true when this one closed the breaker."""
        was_open = not self.closed
        self._failures, self._trying = 0, False
        return was_open

    def released(self) -> None:
        """The call that was admitted ended without telling anything: another one may try."""
        self._trying = False
