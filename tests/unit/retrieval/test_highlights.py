"""Highlights: whole words by their stem, never overlapping, never outside the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.retrieval.services.searching.explaining import HIGHLIGHTS_MAX, highlights


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("harbours", "The Harbour froze", ["Harbour"]),
        ("ripen apples", "An apple ripens: apples", ["apple", "ripens", "apples"]),
        ("city", "two cities", ["cities"]),
        ("freezing", "it is freezing, ice freezes", ["freezing", "freezes"]),
        ("national", "the nationality of nations", ["nationality", "nations"]),
        ("dying", "dying batteries", ["dying"]),
        ("what is in it", "it is in", []),
        ("INC-2025-014", "see inc-2025-014.", ["inc", "2025", "014"]),
        ("港口结冰", "冬天港口没有结冰", ["港口", "结冰"]),
        ("aab.aa口", "aab", ["aab"]),
        ("café", "Café au lait", ["Café"]),
        ("", "text", []),
    ],
)
def test_what_is_marked(query: str, text: str, marked: list[str]) -> None:
    assert [text[start:end] for start, end in highlights(query, text)] == marked


@given(st.text(alphabet="ab 港口.", max_size=30), st.text(alphabet="ab 港口.\n", max_size=90))
def test_marks_are_in_order_and_inside(query: str, text: str) -> None:
    marks = highlights(query, text)
    ends = [0, *(at for mark in marks for at in mark), len(text)]
    assert ends == sorted(ends)
    assert all(start < end for start, end in marks)


def test_there_is_an_end_to_marking() -> None:
    assert len(highlights("word", "word " * 1_000)) == HIGHLIGHTS_MAX


def test_little_words_are_not_marked() -> None:
    text = "Clamp the station to the mast."
    assert [text[a:b] for a, b in highlights("the clamp of the mast", text)] == ["Clamp", "mast"]
