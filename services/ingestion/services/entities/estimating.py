"""What reading a document with a model will take, told before the first call."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.ingestion.services.entities.budget import Budget
from services.ingestion.services.entities.prompt import Passage

# Ten names and four relations as JSON.
_ANSWER_TOKENS = 250


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
