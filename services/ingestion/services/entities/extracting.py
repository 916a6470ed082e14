"""What a passage is about and which names stand in it, bounded and folded."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from contracts.ingestion.entity_name import fold, normal
from services.ingestion.models.parsed import Extraction
from services.ingestion.services.entities.definitions import (
    abbreviations_in,
    subjects_of,
    terms_in,
    unnumbered,
    unqualified,
)
from services.ingestion.services.entities.mentions import WORDS_MAX, names_in

ABOUT_MAX = 12
MENTIONS_MAX = 96


@dataclass(frozen=True, slots=True)
class Entities:
    """Folded names without duplicates, the surest first: at most `ABOUT_MAX`, `MENTIONS_MAX`."""

    about: tuple[str, ...]
    mentions: tuple[str, ...]


def extract(
    title: str, headings: Sequence[str], text: str, read: Extraction | None = None
) -> Entities:
    """`title` is what this passage alone is about: a document's, for its first passage only.

    Two passages meet when one mentions what the other is about, in any order of arrival. The title,
    the innermost heading and what the text defines are what it is about. No state.

    What a model has `read` in the text takes the place of what the rules find there.
    """
    plain = normal(text)
    pairs = list(chain.from_iterable(map(abbreviations_in, (normal(title), *headings[-1:], plain))))
    given = [name for name in (title, unnumbered(headings[-1]) if headings else "") if name]
    about = read.about if read else _defined(given, plain)
    mentions = read.mentions if read else names_in(plain)
    return Entities(
        bounded(_both_forms(chain(*map(forms_of, given), about), pairs), ABOUT_MAX),
        bounded(_both_forms(mentions, pairs), MENTIONS_MAX),
    )


def forms_of(name: str) -> tuple[str, str]:
    """Folded, with and without its qualifier; empty for what is no name."""
    return fold(name), fold(unqualified(name))


def _defined(given: Sequence[str], plain: str) -> Iterator[str]:
    yield from terms_in(plain)
    for subject in subjects_of(plain):
        if not given or any(_alike(subject, fold(name)) for name in given):
            yield subject


def _alike(subject: str, given: str) -> bool:
    """Another form of a given name; the subject of a background sentence is not.

    A title longer than a name is a sentence, which shares words with much that it is not about.
    """
    words = given.split()
    return len(words) <= WORDS_MAX and not set(subject.split()).isdisjoint(words)


def _both_forms(names: Iterable[str], pairs: Sequence[tuple[str, str]]) -> Iterable[str]:
    other = dict(pairs) | {long: short for short, long in pairs}
    return chain.from_iterable((name, other.get(name, "")) for name in names)


def bounded(names: Iterable[str], most: int) -> tuple[str, ...]:
    """The first `most` different names; what is no name is empty and left out."""
    return tuple(islice(dict.fromkeys(filter(None, names)), most))
