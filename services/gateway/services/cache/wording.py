"""When two questions are the same in other letters, and when one is about its asker."""

import re
import unicodedata

# Other forms of the same characters (Unicode 16, UAX 44, table 14). Not <super>, <sub>, <fraction>
# or <circle>: 10² is not 102.
_FORMS = ("<wide>", "<narrow>", "<noBreak>", "<compat>", "<initial>", "<medial>", "<final>")
# At the ends of a question these say nothing. Others may belong to a name, as in C# or .NET.
_OPENING, _CLOSING = "¿¡ ", "?!.,;:…。？！ "
# First persons singular of the languages that people are likely to ask in. A word too many costs a
# look at the asker's memory, no more.
_FIRST_PERSON = frozenset(
    """
    i me my mine myself ich mich mir mein meine meinem meinen meiner meines je j me moi mon ma mes m
    mien mienne yo mi mis mí mío mía io mio mia miei mie eu meu minha meus minhas ik mij mijn jag
    mig min mitt mina jeg mit meg ja mój moja moje mnie я мне меня мой моя моё мое мои моего моей
    ben benim bana beni εγώ μου με minä minun minua أنا
    """.split()  # noqa: SIM905 (a list would have a line for each)
)
_FIRST_PERSON_SIGNS = ("我", "私", "僕", "俺", "나는", "내가", "나의", "저는", "제가", "저의")


def normalised(question: str) -> str:
    """The question without differences of form, letter case, blanks and marks at its ends.

    Words in capitals keep them among other words: `IT` is not `it`, `US` is not `us`. Numbers stay
    as they are.
    """
    text = unicodedata.normalize("NFC", "".join(_plain(letter) for letter in question))
    words = " ".join(text.split()).lstrip(_OPENING).rstrip(_CLOSING).split()
    if all(word == word.upper() for word in words):
        return " ".join(words).lower()
    return " ".join(word if _shouts(word) else word.lower() for word in words)


def about_asker(question: str) -> bool:
    """Whether the question speaks of its asker, so that their memory may change the answer."""
    lowered = question.lower().replace("’", "'")
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", lowered)
    parts = {part for word in words for part in (word, word.partition("'")[0])}
    return bool(parts & _FIRST_PERSON) or any(sign in lowered for sign in _FIRST_PERSON_SIGNS)


def _plain(letter: str) -> str:
    if letter.isascii():
        return letter
    is_form = unicodedata.decomposition(letter).startswith(_FORMS)
    return unicodedata.normalize("NFKC", letter) if is_form else letter


def _shouts(word: str) -> bool:
    """Capitals only, and more than one letter."""
    return word.isupper() and sum(letter.isalpha() for letter in word) > 1
