"""Where names stand in a text, however it writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ingestion.entity_name import fold
from services.retrieval.services.graph.answer import marks


def marked(text: str, *names: str) -> list[tuple[str, str]]:
    return [(mark.name, text[mark.start : mark.end]) for mark in marks(text, names)]


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("The Café's Menu.", "cafe menu", "Café's Menu"),
        ("TIM-BURTON", "tim burton", "TIM-BURTON"),
        ("by **Tim** Burton", "tim burton", "Tim** Burton"),
        ("ﬁlm ②", "film 2", "ﬁlm ②"),
        ("of Mercury (planet).", "mercury planet", "Mercury (planet)"),
        ("(of Mercury)", "mercury", "Mercury"),
        ("the Straße", "strasse", "Straße"),
        ("’s Gravenhage", "gravenhage", "Gravenhage"),
    ],
)
def test_a_name_is_found_as_it_is_written(text: str, name: str, found: str) -> None:
    assert marked(text, name) == [(name, found)]


def test_names_that_are_not_there_are_not_found() -> None:
    assert marked("Tim. And Burton", "tim burton") == []
    assert marked("Tim     Burton", "tim burton") == []
    assert marked("Burtons", "burton") == []
    assert marked("Tim", "tim burton") == []
    assert marked("", "tim") == marked("Tim") == []


def test_names_in_one_another_are_each_found_in_order() -> None:
    names = ("burton", "tim burton", "tim")
    assert marked("Tim Burton met Burton", *names) == [
        ("tim", "Tim"),
        ("tim burton", "Tim Burton"),
        ("burton", "Burton"),
        ("burton", "Burton"),
    ]


@given(st.text(max_size=60))
def test_what_is_marked_folds_to_its_name(text: str) -> None:
    name = fold(text)
    for mark in marks(text, [name] if name else []):
        assert fold(text[mark.start : mark.end]) == name
