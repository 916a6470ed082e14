"""How many tokens a text has, without any model's tokenizer."""

# English has about four bytes a token, other scripts fewer: the estimate errs on the full side.
BYTES_PER_TOKEN = 3


def estimated_tokens(text: str) -> int:
    """At least 1. Used for budgets and for calls that end without the model's own count."""
    return len(text.encode()) // BYTES_PER_TOKEN + 1


def cut_to(text: str, tokens: int) -> str:
    """The longest beginning whose estimate is at most `tokens`; empty when there is no room."""
    if estimated_tokens(text) <= tokens:
        return text
    room = max(0, tokens * BYTES_PER_TOKEN - 1)
    return text.encode()[:room].decode(errors="ignore")
