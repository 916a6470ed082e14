"""How many tokens a text has, without any model's tokenizer."""

# English has about 4 bytes a token, Chinese 3 and more: so this errs on the full side.
_BYTES_PER_TOKEN = 3


def estimated_tokens(text: str) -> int:
    return len(text.encode()) // _BYTES_PER_TOKEN + 1
