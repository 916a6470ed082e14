"""What a passage is about and which names stand in it, bounded and folded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from services.ingestion.services.entities.abbreviations import abbreviations_in
from services.ingestion.services.entities.definitions import defined_in
from services.ingestion.services.entities.mentions import names_in
from services.ingestion.services.entities.names import fold, normal, unnumbered, unqualified

ABOUT_MAX = 12
MENTIONS_MAX = 96


@dataclass(frozen=True, slots=True)
class Entities:
    """Folded names without duplicates, the surest first: at most `ABOUT_MAX`, `MENTIONS_MAX`."""

    about: tuple[str, ...]
    mentions: tuple[str, ...]


def extract(title: str, headings: Sequence[str], text: str) -> Entities:
    """`title` is what this passage alone is about: a document's, for its first passage only.

    Two passages meet when one mentions what the other is about, in any order of arrival. The title,
    the innermost heading and what the text defines are what it is about. No model, no state.
    """
    plain = normal(text)
    pairs = list(abbreviations_in(plain))
    heading = unnumbered(headings[-1]) if headings else ""
    titles = chain.from_iterable((name, unqualified(name)) for name in (title, heading))
    about = chain(map(fold, titles), defined_in(plain))
    return Entities(
        _bounded(_both_forms(about, pairs), ABOUT_MAX),
        _bounded(_both_forms(names_in(plain), pairs), MENTIONS_MAX),
    )


def _both_forms(names: Iterable[str], pairs: Sequence[tuple[str, str]]) -> Iterable[str]:
    other = dict(pairs) | {long: short for short, long in pairs}
    return chain.from_iterable((name, other.get(name, "")) for name in names)


def _bounded(names: Iterable[str], most: int) -> tuple[str, ...]:
    kept: dict[str, None] = {}
    for name in names:
        if name:
            kept[name] = None
        if len(kept) == most:
            break
    return tuple(kept)
