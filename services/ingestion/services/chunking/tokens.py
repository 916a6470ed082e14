"""How many tokens an embedding model reads in a text, by the text's scripts."""

import re

_WORDS = re.compile(
    r"(?P<latin>[a-zA-Z\u00c0-\u024f\u1e00-\u1eff]+)|(?P<hangul>[\uac00-\ud7a3]+)|(?P<digits>\d+)"
    r"|(?P<other>[^\W_a-zA-Z\u00c0-\u024f\u1e00-\u1eff]+)|[^\s]"
)
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
# The marks at both ends.
_ENDS = 2


def model_tokens(text: str) -> int:
    """An estimate that errs on the full side; docs/adr/0027 says by how much it is wrong.

    Calibrated on MiniLM's own tokenizer, which knows English words whole and takes the letters of
    most scripts one by one. A text with accents is taken for another language than English, whose
    words are cut into pieces of about three letters.
    """
    total = _ENDS
    accented = len(_ACCENTED.findall(text))
    total += accented
    for found in _WORDS.finditer(text):
        length, kind = found.end() - found.start(), found.lastgroup
        if kind == "latin" and accented:
            total += 1 + (length - 1) // 3
        elif kind == "latin":
            total += 1 if length <= 6 else 1 + (length - 1) // 5
        elif kind == "hangul":
            total += 2 * length
        elif kind == "digits":
            total += (length + 1) // 2
        else:
            total += length
    return total
