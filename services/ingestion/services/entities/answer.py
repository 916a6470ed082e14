"""A model's arguments as names and relations that stand in the passage, folded and bounded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from pydantic import BaseModel, ValidationError

from contracts.ingestion.entity_name import fold, normal, words_of
from services.ingestion.models.extraction import Extraction, Relation
from services.ingestion.services.entities.extracting import (
    ABOUT_MAX,
    MENTIONS_MAX,
    bounded,
    forms_of,
)
from services.ingestion.services.entities.names import unnumbered
from services.ingestion.services.entities.prompt import Passage

RELATIONS_MAX = 32
PREDICATE_MAX = 60


class _Answer(BaseModel):
    """Its parts are checked one by one: a bad one costs itself, not the passage."""

    about: list[object]
    mentions: list[object]
    relations: list[object] = []


class _Relation(BaseModel):
    subject: str
    predicate: str
    object: str


def read_answer(arguments: Mapping[str, Any] | None, passage: Passage) -> Extraction | None:
    """None when there is no answer or it has another form than the tool's.

    A name of which a word stands neither in the passage nor above it was made up, and goes.
    """
    try:
        answer = _Answer.model_validate(arguments)
    except ValidationError:
        return None
    there = _folded(passage)
    # Rules say which passage a title or heading belongs to: with an owner more for each passage
    # under it, the name would soon lead nowhere.
    titles = {*passage.above, *map(unnumbered, passage.above)}
    inherited = set(chain.from_iterable(map(forms_of, titles)))
    relations = tuple(dict.fromkeys(_relations(answer.relations, there)))[:RELATIONS_MAX]
    ends = (name for one in relations for name in (one[0], one[2]))
    about = (name for name in _names(answer.about, there) if name not in inherited)
    return Extraction(
        about=bounded(about, ABOUT_MAX),
        mentions=bounded(chain(ends, _names(answer.mentions, there)), MENTIONS_MAX),
        relations=relations,
    )


def _folded(passage: Passage) -> str:
    text = normal(" ".join((*passage.above, passage.text)))
    return " ".join(word.folded for word in words_of(text))


def _names(given: Iterable[object], there: str) -> Iterator[str]:
    for name in given:
        if isinstance(name, str):
            yield _grounded(name, there)


def _grounded(name: str, there: str) -> str:
    """The folded name, or nothing."""
    folded = fold(name)
    return folded if all(word in there for word in folded.split()) else ""


def _relations(given: Sequence[object], there: str) -> Iterator[Relation]:
    for one in given:
        try:
            read = _Relation.model_validate(one)
        except ValidationError:
            continue
        first, second = _grounded(read.subject, there), _grounded(read.object, there)
        predicate = " ".join(read.predicate.split())
        fits = 0 < len(predicate) <= PREDICATE_MAX and predicate.isprintable()
        if first and second and first != second and fits:
            yield first, predicate, second
