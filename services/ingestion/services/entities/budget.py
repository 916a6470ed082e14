"""A document's cap on tokens, and an estimate of what its calls will take."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.ingestion.services.entities.asking import Passage

# Ten names and four relations as JSON.
_ANSWER_TOKENS = 250


@dataclass
class Budget:
    """What a call may use at most is set aside before it begins, so the sum never passes `cap`."""

    cap: int
    used: int = 0
    set_aside: int = 0

    def reserve(self, most: int) -> bool:
        """False when there is no room for `most` tokens; then nothing is set aside."""
        if self.used + self.set_aside + most > self.cap:
            return False
        self.set_aside += most
        return True

    def settle(self, most: int, used: int) -> None:
        """Gives back what `reserve` set aside; `used` is the model's own count."""
        self.set_aside -= most
        self.used += used


@dataclass(frozen=True, slots=True)
class Estimate:
    """`calls` find room under the cap, and `left_out` passages do not: the rules read those."""

    calls: int
    left_out: int
    input_tokens: int
    output_tokens: int


def estimated(passages: Sequence[Passage], tokens_max: int, answer_tokens: int) -> Estimate:
    """As the calls will go, one after another, each with a usual answer."""
    budget, read = Budget(tokens_max), 0
    answer = min(_ANSWER_TOKENS, answer_tokens)
    for calls, passage in enumerate(passages):
        most = passage.tokens_max + answer_tokens
        if not budget.reserve(most):
            return Estimate(calls, len(passages) - calls, read, calls * answer)
        budget.settle(most, passage.tokens + answer)
        read += passage.tokens
    return Estimate(len(passages), 0, read, len(passages) * answer)
