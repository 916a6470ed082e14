"""Filters: what can be written, what they mean, and what is refused by the field's name."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.retrieval.models.document import Version
from services.retrieval.models.filter import matches
from services.retrieval.models.filter_reading import InvalidFilter, read_filter
from tests.unit.retrieval.making import version

DOCUMENT = replace(
    version("acme", "d1"),
    name="draft-contract.pdf",
    media_type="application/pdf",
    created_at=datetime(2024, 5, 1, 12, 0, 0, 999, tzinfo=UTC),
    tags=("law", "2024"),
    metadata={"year": 2024, "price": 1.5, "author": "Ann", "final": True, "due": date(2024, 6, 1)},
)


def on(field: str, **condition: Any) -> dict[str, Any]:
    return {"field": field, **condition}


MATCHING: list[dict[str, Any]] = [
    on("document_id", eq="d1"),
    on("name", prefix="draft"),
    {"field": "name", "in": ["other", "draft-contract.pdf"]},
    on("media_type", eq="application/pdf"),
    on("tags", eq="law"),
    {"field": "tags", "in": ["tax", "2024"]},
    on("created_at", range={"gte": "2024-05-01", "lt": "2024-05-02"}),
    on("created_at", range={"lte": "2024-05-01T12:00:00Z"}),
    on("created_at", range={"gte": "2024-05-01T14:00:00+02:00"}),
    on("metadata.year", eq=2024.0),
    on("metadata.year", range={"gte": 2020, "lt": 2025}),
    on("metadata.price", range={"gt": 1}),
    on("metadata.author", range={"gte": "A", "lt": "B"}),
    on("metadata.final", eq=True),
    on("metadata.due", range={"gte": "2024-06-01"}),
    {"field": "metadata.author", "in": [7, "Ann"]},
    {"and": [on("tags", eq="law"), {"not": on("name", prefix="final")}]},
    {"or": [on("tags", eq="tax"), on("metadata.year", eq=2024)]},
]
MISSING: list[dict[str, Any]] = [
    on("document_id", eq="d"),
    on("name", prefix="Draft"),
    on("name", prefix="raft"),
    on("tags", eq="la"),
    on("created_at", range={"gt": "2024-05-01T12:00:00Z"}),
    on("created_at", range={"lt": "2024-05-01"}),
    on("metadata.year", eq="2024"),
    on("metadata.year", range={"gt": 2024}),
    on("metadata.year", range={"gte": "2"}),
    on("metadata.final", eq=1),
    on("metadata.final", eq="true"),
    on("metadata.pages", range={"lt": 5}),
    {"not": on("tags", eq="law")},
    {"and": [on("tags", eq="law"), on("tags", eq="tax")]},
]


@pytest.mark.parametrize("wanted", MATCHING, ids=str)
def test_what_matches(wanted: dict[str, Any]) -> None:
    assert matches(read_filter(wanted), DOCUMENT)
    assert not matches(read_filter({"not": wanted}), DOCUMENT)


@pytest.mark.parametrize("wanted", MISSING, ids=str)
def test_what_does_not(wanted: dict[str, Any]) -> None:
    assert not matches(read_filter(wanted), DOCUMENT)


def test_a_moment_without_a_zone_is_utc() -> None:
    naive: Version = replace(DOCUMENT, created_at=datetime(2024, 5, 1))  # noqa: DTZ001
    assert matches(read_filter(on("created_at", range={"lte": "2024-05-01"})), naive)


DEEP: dict[str, Any] = on("tags", eq="law")
for _ in range(50):
    DEEP = {"not": DEEP}

REFUSED: list[tuple[Any, str]] = [
    ({}, "^filter: .*'field'"),
    ({"and": []}, "^and: .*at least one"),
    ({"and": on("tags", eq="a")}, "^and: give a list"),
    ({"and": ["tags"]}, "^filter: a condition is an object"),
    ({"not": None}, "^filter: a condition is an object"),
    ({"and": [on("tags", eq="a")], "or": [on("tags", eq="a")]}, "^filter: .*alone"),
    (on("colour", eq="red"), r"^colour: there is no such field; .*metadata\.<key>"),
    (on("metadata", eq="red"), "^metadata: there is no such field"),
    (on("metadata.", eq="red"), "^metadata.: there is no such field"),
    (on("tags.law", eq="red"), "^tags.law: there is no such field"),
    (on("x" * 9_000, eq="red"), "^x{512}: "),
    (on("tags", prefix="a"), "^tags: give exactly one of eq, in$"),
    (on("name", range={"gt": "a"}), "^name: give exactly one of eq, in, prefix$"),
    (on("created_at", eq="2024-05-01"), "^created_at: give exactly one of range$"),
    (on("tags"), "^tags: give exactly one"),
    (on("tags", eq="a", prefix="b"), "^tags: give exactly one"),
    (on("tags", eq=7), "^tags: give a text"),
    (on("tags", eq=""), "^tags: give a text"),
    (on("tags", eq="x" * 513), "^tags: give a text of 1 to 512"),
    ({"field": "tags", "in": []}, "^tags: 'in' takes a list of 1 to 100"),
    ({"field": "tags", "in": "law"}, "^tags: 'in' takes a list"),
    ({"field": "tags", "in": ["a"] * 101}, "^tags: 'in' takes a list"),
    (on("created_at", range={"gt": "yesterday"}), "^created_at: give an ISO date"),
    (on("created_at", range={"gt": 2024}), "^created_at: give a text"),
    (on("metadata.year", eq=None), r"^metadata\.year: give a text or a number"),
    (on("metadata.year", eq=[2024]), r"^metadata\.year: give a text or a number"),
    (on("metadata.year", eq=float("nan")), r"^metadata\.year: give a text or a number"),
    (on("metadata.year", range={"gt": True}), r"^metadata\.year: give a text or a number"),
    (on("metadata.year", range={"gt": 1, "lt": "2"}), r"^metadata\.year: both ends"),
    (on("metadata.year", range={"gt": 1, "gte": 2}), r"^metadata\.year: give only one"),
    (on("metadata.year", range={"from": 1}), r"^metadata\.year: 'range' takes"),
    (on("metadata.year", range={}), r"^metadata\.year: 'range' takes"),
    (DEEP, "^filter: .*at most 8 deep"),
    ({"or": [on("tags", eq="a")] * 65}, "^filter: at most 64 conditions"),
]


@pytest.mark.parametrize(("wanted", "reason"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_cannot_be_read_is_refused_by_name(wanted: Any, reason: str) -> None:
    with pytest.raises(InvalidFilter, match=reason):
        read_filter(wanted)


@pytest.mark.parametrize("odd", ["\x00", "a\x00b", "\ud800", "a\udfff"])
def test_a_text_that_no_store_can_hold_is_refused_in_words_that_can_be_sent(odd: str) -> None:
    asked: list[dict[str, Any]] = [
        on("name", eq=odd),
        on("name", prefix=odd),
        {"field": "tags", "in": ["law", odd]},
        on("metadata.year", eq=odd),
        on("metadata.year", range={"gte": odd}),
        on("created_at", range={"gte": odd}),
        on(f"metadata.{odd}", eq=1),
        on(odd, eq=1),
        {"not": on("name", eq=odd)},
        {odd: []},
    ]
    for wanted in asked:
        with pytest.raises(InvalidFilter) as raised:
            read_filter(wanted)
        assert str(raised.value).encode()
        assert "\x00" not in str(raised.value)
