"""What the turns of an arm came to."""

from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """Sums over turns that asked a model and came to an end.

    `failures` are turns that broke off, `refusals` are answers that cite nothing although sources
    were found. `usd_squared` is the sum of the squares of the turns' costs.
    """

    turns: int = 0
    failures: int = 0
    refusals: int = 0
    usd: float = 0.0
    usd_squared: float = 0.0

    def __add__(self, other: Self) -> Self:
        sums = (getattr(self, one.name) + getattr(other, one.name) for one in fields(self))
        return type(self)(*sums)

    @property
    def usd_a_turn(self) -> float | None:
        return self.usd / self.turns if self.turns else None

    @property
    def usd_variance(self) -> float:
        """Of a turn's cost; 0 where there are too few turns to say."""
        if self.turns < 2:
            return 0.0
        rest = self.usd_squared - self.usd**2 / self.turns
        return max(0.0, rest / (self.turns - 1))
