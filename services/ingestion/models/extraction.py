"""What a model read in one passage."""

from dataclasses import dataclass

# Subject, predicate, object; subject and object are folded names.
Relation = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Extraction:
    """Folded names without duplicates, the surest first; those of `relations` are mentions too."""

    about: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
