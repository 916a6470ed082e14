"""A query as an FTS5 expression, and its words mended where they find nothing."""

import sqlite3
from contextlib import closing

import pytest

from services.retrieval.models.typed_query import STOP_WORDS
from services.retrieval.store.sqlite.matching import (
    MAX_WORDS,
    match_expression,
    mended_expression,
    words,
)


def expression(query: str) -> str:
    with closing(sqlite3.connect(":memory:")) as connection:
        return match_expression(connection, query)


def test_the_stop_words_are_lucenes_33() -> None:
    assert len(STOP_WORDS) == 33


def test_words_without_stop_words_joined_by_or() -> None:
    found = expression("What is the Harbour-master's fee, in EUR?")
    assert found == '"what" OR "harbour" OR "master" OR "s" OR "fee" OR "eur"'


def test_a_word_counts_once() -> None:
    assert words("Ice ice ICE baby") == ["ice", "baby"]


def test_a_word_counts_once_in_all_its_forms() -> None:
    assert expression("harbour freezes: harbours, freezing, HARBOUR") == '"harbour" OR "freezes"'


def test_nothing_in_a_query_is_syntax() -> None:
    assert expression('"a" AND NEAR(x*, 3) ^title:y_z') == (
        '"near" OR "x" OR "3" OR "title" OR "y" OR "z"'
    )


def test_no_word_left_is_no_expression() -> None:
    for query in ("the of and", "?!", "\x00", "", " \n"):
        assert expression(query) == ""


def test_a_letter_and_its_accent_are_one() -> None:
    assert words("cafe\u0301s") == ["cafés"]


def test_a_pasted_page_is_cut() -> None:
    assert len(words(" ".join(f"w{n}" for n in range(1000)))) == MAX_WORDS


def test_required_phrases_are_joined_by_and() -> None:
    assert expression('"force majeure" clause') == (
        '"force majeure" AND ("force" OR "majeure" OR "clause")'
    )
    assert expression('"to be"') == '"to be"'


def test_a_phrase_in_a_sentence_and_an_identifier_are_one_more_thing_to_find() -> None:
    assert expression('who sang "moon river" in that old film').endswith(' OR "moon river"')
    assert expression("err_404") == '"err" OR "404" OR "err 404" OR "err404"'
    assert expression("KB5034441") == '"kb5034441"'
    assert expression("10.0.0.1") == '"10" OR "0" OR "1" OR "10 0 0 1"'


@pytest.mark.parametrize(
    ("typed", "mended"),
    [
        ("harbuor", '"harbour"'),
        ("habour", '"harbour"'),
        ("harrbour", '"harbour"'),
        ("harvour", '"harbour"'),
        ("hrabuor", ""),
        ("carousle lihgts", '"carousel" OR "light"'),
        ("cruosle", ""),
        ("craousle", '"carousel"'),
        ("hx", ""),
    ],
)
def test_slips_are_mended_one_in_four_letters_and_two_in_eight(typed: str, mended: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5 (t, tokenize='porter unicode61')")
        connection.execute("INSERT INTO words VALUES ('harbour lights apples carousel')")
        assert mended_expression(connection, typed) == mended
