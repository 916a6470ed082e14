"""Whether a set leaks from one side to the other: written anew, without the product's code."""

from collections.abc import Sequence

# Of character 5-grams.
NEAR = 0.8
# A conversation and a question.
Asked = tuple[str, str]


def leaking(train: Sequence[Asked], held_out: Sequence[Asked]) -> int:
    """How many that are held out share a conversation, or nearly a question, with the others."""
    conversations = {conversation for conversation, _ in train}
    known = [_grams(question) for _, question in train]
    return sum(
        conversation in conversations or _is_near(_grams(question), known)
        for conversation, question in held_out
    )


def _is_near(mine: set[str], known: Sequence[set[str]]) -> bool:
    sizes = (NEAR * len(mine), len(mine) / NEAR)
    # No two sets are alike whose sizes are not.
    others = (one for one in known if sizes[0] <= len(one) <= sizes[1])
    return any(len(mine & one) >= NEAR * len(mine | one) for one in others)


def _grams(text: str) -> set[str]:
    letters = "".join(c.lower() if c.isalnum() else " " for c in text)
    plain = " ".join(letters.split())
    return {plain[i : i + 5] for i in range(max(1, len(plain) - 4))}
