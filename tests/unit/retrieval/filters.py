"""Random filters in their JSON form, and random documents that they have a chance to match."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from services.retrieval.models.document import Version
from tests.unit.retrieval.making import version

IDS = ("d0", "d1", "d2", "d3")
# Few and near to each other, so that equal values, prefixes and bounds meet often.
TEXTS = st.sampled_from(["a", "A", "ab", "a b", "a%", "a_", "b", "é", "2024", "\U0001f600", "a'"])
NUMBERS = st.sampled_from([-1.5, -1, 0, -0.0, 1, 1.0, 1.5, 2024, 2**53 + 1, 10**400, 1e300])
MOMENTS = st.integers(0, 2 * 86_400 * 10**6).map(
    lambda microseconds: datetime(2024, 5, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
KEYS = st.sampled_from(["k", "K", "k.k", "other"])
VALUES = st.one_of(TEXTS, NUMBERS, st.booleans(), st.dates(date(2024, 5, 1)))


@st.composite
def documents(draw: st.DrawFn) -> list[Version]:
    """One version of each of some documents of one tenant."""
    ids = draw(st.lists(st.sampled_from(IDS), min_size=1, unique=True))
    return [
        replace(
            version("acme", document_id),
            name=draw(TEXTS) + draw(TEXTS),
            media_type=draw(TEXTS),
            created_at=draw(MOMENTS),
            tags=tuple(draw(st.lists(TEXTS, max_size=3))),
            metadata=draw(st.dictionaries(KEYS, VALUES, max_size=3)),
            parents=tuple(draw(st.lists(st.sampled_from(IDS), max_size=2, unique=True))),
        )
        for document_id in ids
    ]


def _one_of(field: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        values.map(lambda value: {"field": field, "eq": value}),
        st.lists(values, min_size=1, max_size=3).map(lambda some: {"field": field, "in": some}),
    )


def _range(field: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    bounds = (
        st.fixed_dictionaries({low: values}, optional={high: values})
        for low, high in (("gt", "lt"), ("gte", "lte"), ("lt", "gte"), ("lte", "gt"))
    )
    return st.one_of(*bounds).map(lambda both: {"field": field, "range": both})


def _tested(field: str) -> st.SearchStrategy[dict[str, Any]]:
    values = st.one_of(TEXTS, NUMBERS, st.booleans())
    return st.one_of(_one_of(field, values), _range(field, TEXTS), _range(field, NUMBERS))


_CONDITIONS: st.SearchStrategy[Mapping[str, Any]] = st.one_of(
    _one_of("document_id", st.sampled_from(IDS)),
    _one_of("name", st.tuples(TEXTS, TEXTS).map("".join)),
    TEXTS.map(lambda text: {"field": "name", "prefix": text}),
    _one_of("media_type", TEXTS),
    _one_of("tags", TEXTS),
    _range("created_at", MOMENTS.map(datetime.isoformat)),
    KEYS.flatmap(lambda key: _tested(f"metadata.{key}")),
)
FILTERS: st.SearchStrategy[Mapping[str, Any]] = st.recursive(
    _CONDITIONS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"and": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"or": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=6,
)
