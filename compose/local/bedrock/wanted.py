"""What a question asks for: its words that mean something, by weight, and its keys."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from compose.local.bedrock.blocks import UNSPACED
from compose.local.bedrock.encoder import word_pieces
from compose.local.bedrock.passages import Passages

_LITTLE_TEXT = """
a about an and are as at be been but by can could did do does for from had has have how i if in
into is it its me my no not of on or our please should so such tell that the their them then
there these they this to us was we were what when where which who whose why will with would you
your much many may must
aber als am an auch auf aus bei bis da das dass dem den der des die dies diese du ein eine einem
einen einer es für gibt haben hat ich ihr im ist kann können man mit muss nach nicht noch oder
sein sich sie sind über um und uns unser vom von vor wann warum was welche welchem welchen
welcher welches wenn wer wie wieviel wir wird wo zu zum zur viel darf dürfen
au aux avec ce cela ces cette combien comment dans de des du elle elles en est et faut il ils je
la le les leur mais mon ne nous où ou par pas peut pour pourquoi quand que quel quelle quelles
quels qui quoi sa se ses son sont sur un une vous y
al como con cuál cuales cuándo cuánto cuánta cuántos del dónde el ella es esta este hay las lo
los más me mi para pero por puede qué quién se si sin su una y
"""
STOP_WORDS = frozenset(_LITTLE_TEXT.split())
_GERMAN_TEXT = (
    "der das dem den des ein eine einen einer und ist sind wird werden für mit im zum zur"
)
_GERMAN = frozenset(_GERMAN_TEXT.split())
_DATES_TEXT = """
january february march april june july august september october november december
monday tuesday wednesday thursday friday saturday sunday christmas easter
"""
_DATES = frozenset(_DATES_TEXT.split())
_INITIALS = 3
# Norwey is Norway, Danemark Denmark.
_SAME_NAME = 0.75
# "And in Finland?" is no title.
_SHORT = 3
UNKNOWN = 100
"""The word piece of what the vocabulary does not have: it says nothing."""
_RUN = re.compile(f"[{UNSPACED}]+")
_WORD = re.compile(rf"[{UNSPACED}]{{1,2}}|[^\W_{UNSPACED}]+")
_KEY = re.compile(r"\w[\w./:-]*")
# A part number, an error code: with letters and digits, and not only "1st" or "5kg".
_NAMED_KEY = re.compile(r"(?=.*\d)(?=.*[^\W\d_]).{4,}")
Term = int | str
"""A word piece, or two signs that stand together in a script without blanks."""


@dataclass(frozen=True)
class Wanted:
    """Weights of the question's terms, which sum to 1, its words with digits, and its names.

    Keys and names are in lower case.
    """

    weights: dict[Term, float]
    keys: tuple[str, ...]
    names: tuple[str, ...] = ()
    # Of the names those that can be nothing else, and all words of the question.
    proper: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()

    def share(self, text: str) -> float:
        """The share of what is wanted, by weight, that a text has: 0…1."""
        return sum(self.weights.get(term, 0.0) for term in set(_terms(text)))

    def holds_key(self, text: str) -> bool:
        """Whether one of the keys stands in it as a whole: HX-17 is not in HX-177."""
        return _holds(text, self.keys)

    def holds_name(self, text: str) -> bool:
        """Whether one of the keys or names stands in it as a whole."""
        return _holds(text, (*self.keys, *self.names))

    @property
    def names_one(self) -> bool:
        """Whether a key names one thing, as a part number does and a year does not."""
        return any(_NAMED_KEY.fullmatch(key) for key in self.keys)

    def asks_for_another(self, said: str, sources: Iterable[str]) -> bool:
        """Whether a sentence names somebody else, and no source what the question names.

        A name that is written a little differently is the same.
        """
        if not self.proper or not set(_proper(said)) - self.words:
            return False
        known = {word.lower() for text in sources for word in _WORD.findall(text)}
        return not any(
            name in known or get_close_matches(name, known, 1, _SAME_NAME) for name in self.proper
        )

    def around(self, text: str, most: int) -> str:
        """At most about `most` characters: the part that has most of what is wanted, with "…"."""
        if len(text) <= most:
            return text
        begin, end = self._best_window(text, most)
        room = (most - (end - begin)) // 2
        begin, end = max(0, begin - room), min(len(text), end + room)
        begin, end = (0, most) if begin == 0 else (begin, end)
        begin, end = (len(text) - most, len(text)) if end == len(text) else (begin, end)
        cut = text[begin:end]
        if begin:
            cut = "… " + (cut.split(" ", 1)[-1] if " " in cut else cut)
        if end < len(text):
            cut = (cut.rsplit(" ", 1)[0] if " " in cut[2:] else cut) + " …"
        return cut

    def _best_window(self, text: str, most: int) -> tuple[int, int]:
        """From the first to the last wanted word of the window with most of them, by weight."""
        found = [match.span() for match in _WORD.finditer(text) if self.share(match[0]) > 0]
        best, window = 0.0, (0, 0)
        for start, _ in found:
            end = max(end for _, end in found if end - start <= most)
            if (weight := self.share(text[start:end])) > best:
                best, window = weight, (start, end)
        return window


def wanted(question: str, query: str, passages: Passages) -> Wanted:
    """What a question asks for. `query` is what it means in its conversation, or empty.

    Words of the question itself weigh twice as much as those that the query adds. Stop words count
    only in a question that has no others.
    """
    own = set(_terms(question, STOP_WORDS))
    terms = own | set(_terms(query, STOP_WORDS)) or set(_terms(question))
    pieces = sorted(term for term in terms if isinstance(term, int))
    rarity: dict[Term, float] = {
        piece: float(weight) for piece, weight in zip(pieces, passages.idf(pieces), strict=True)
    }
    usual = max(rarity.values(), default=1.0)
    weights = {term: rarity.get(term, usual) * (2 if term in own else 1) for term in terms}
    total = max(sum(weights.values()), 1e-9)
    return Wanted(
        {term: weight / total for term, weight in weights.items()},
        tuple(_keys(question) or _keys(query)),
        tuple(_names(question) or _names(query)),
        () if _is_title(question) else tuple(_proper(question)),
        frozenset(word.lower() for word in _WORD.findall(question)),
    )


def _terms(text: str, without: frozenset[str] = frozenset()) -> Iterator[Term]:
    lowered = text.lower()
    spaced = _RUN.sub(" ", lowered)
    if without:
        spaced = " ".join(word for word in _WORD.findall(spaced) if word not in without)
    yield from (piece for piece in word_pieces(spaced) if piece != UNKNOWN)
    for run in _RUN.findall(lowered):
        yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))


def _holds(text: str, parts: Iterable[str]) -> bool:
    lowered = text.lower()
    return any(re.search(rf"(?<![\w.-]){re.escape(part)}(?![\w-])", lowered) for part in parts)


def _names(text: str) -> list[str]:
    """Words with a capital, but for the first: in German all nouns."""
    capitals = (word.lower() for word in _WORD.findall(text)[1:] if word[0].isupper())
    return [word for word in capitals if word not in STOP_WORDS]


def _proper(text: str) -> list[str]:
    """Names in a language where a capital says so; no abbreviations, codes and dates."""
    if not _GERMAN.isdisjoint(text.lower().split()):
        return []
    capitals = [word for word in _WORD.findall(text)[1:] if word.istitle()]
    names = [word.lower() for word in capitals if len(word) > _INITIALS]
    return [name for name in names if name.isalpha() and name not in STOP_WORDS | _DATES]


def _is_title(text: str) -> bool:
    """Which Is Written Like This."""
    said = _WORD.findall(text)
    capitals = [word for word in said if word[0].isupper()]
    return len(said) > _SHORT and 2 * len(capitals) > len(said)


def _keys(text: str) -> list[str]:
    words = (word.rstrip(".:-/").lower() for word in _KEY.findall(text))
    return [word for word in words if any(sign.isdigit() for sign in word)]
