"""What people type: quotes and identifiers."""

import pytest

from services.retrieval.models.typed_query import read_query, stands_in


@pytest.mark.parametrize(
    ("query", "phrases", "strict"),
    [
        ('"force majeure"', ("force majeure",), True),
        ('"force majeure" clause in contracts', ("force majeure",), True),
        ("“smart quotes” here", ("smart quotes",), True),
        ('"one" "two" "one"', ("one", "two"), True),
        ('who said "to be or not to be" in the play', ("to be or not to be",), False),
        ('a 5" screen and a 7" one', (), False),
        ('"', (), False),
        ('"" "..." x', (), False),
        ('"never closed', (), False),
        ("the harbour", (), False),
    ],
)
def test_quotes(query: str, phrases: tuple[str, ...], strict: bool) -> None:
    typed = read_query(query)
    assert (typed.phrases, typed.strict) == (phrases, strict)


@pytest.mark.parametrize("text", ["INC-2025-014", "v1.2.3", "err_404", "A-1234", "10.0.0.1"])
def test_identifiers(text: str) -> None:
    assert read_query(f"what about {text}?").identifiers == (text,)


@pytest.mark.parametrize(
    "text", ["3.5", "IL-6", "20-year-old", "well-known", "e.g.", "2024", "a_b"]
)
def test_what_is_no_identifier(text: str) -> None:
    assert read_query(f"what about {text}?").identifiers == ()


@pytest.mark.parametrize(
    ("part", "text", "stands"),
    [
        ("force majeure", "A Force\nMajeure clause", True),
        ("force majeure", "force of majeure", False),
        ("INC-2025-014", "see inc-2025-014.", True),
        ("INC-2025-01", "see INC-2025-014", False),
        ("港口结冰", "冬天港口结冰了", True),
        ("港口结冰", "冬天港口没有结冰", False),
    ],
)
def test_word_for_word(part: str, text: str, stands: bool) -> None:
    assert stands_in(part, text) == stands
