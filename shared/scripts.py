"""Which scripts a model knows."""

import unicodedata
from collections.abc import Mapping

from shared.bedrock.prices import foundation_model

# Models that learned the words of some scripts only, by the first word of their letters' names in
# Unicode. They split other words into letters, so that texts of such a script look all alike.
_SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "cohere.embed-english-v3": ("LATIN",),
    "local.maxsim-v1": ("LATIN",),
    "local.minilm-l6-v2": ("LATIN",),
}


def reads(model: str, text: str) -> bool:
    """Whether the model, which embeds or reranks, knows the words of most of the text's script."""
    known = _SCRIPTS.get(foundation_model(model))
    letters = [letter for letter in text if letter.isalpha()]
    if known is None or not letters:
        return True
    foreign = sum(not unicodedata.name(letter, "").startswith(known) for letter in letters)
    return 2 * foreign <= len(letters)
