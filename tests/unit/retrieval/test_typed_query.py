"""What people type: quotes and identifiers."""

import pytest

from services.retrieval.models.typed_query import holds, read_query, stands_in


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


IDENTIFIERS = [
    *("INC-2025-014", "v1.2.3", "err_404", "A-1234", "10.0.0.1"),
    *("KB5034441", "kb5034441", "0x80070005", "HX177", "4711001234", "WD4003FZEX", "9783161484100"),
    *("DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32"),
]


@pytest.mark.parametrize("text", IDENTIFIERS)
def test_identifiers(text: str) -> None:
    assert read_query(f"what about {text}?").identifiers == (text,)


@pytest.mark.parametrize(
    "text",
    [
        *("3.5", "IL-6", "20-year-old", "well-known", "e.g.", "2024", "a_b"),
        *("1990s", "500mg", "100th", "H1N1", "p53", "CO2", "B12", "1500000", "MP3", "²³⁴"),
        # Not an IBAN by its check digits.
        "DE12 THIS WITH THAT FROM",
    ],
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


@pytest.mark.parametrize(
    ("identifier", "text", "held"),
    [
        ("KB5034441", "after kb5034441, the", True),
        ("KB5034441", "after KB5034442 and 5034441", False),
        ("INC-2025-014", "see INC2025014", True),
        ("INC2025014", "see INC-2025-014", False),
        ("DE89 3704 0044 0532 0130 00", "to DE89370400440532013000.", True),
        ("DE89370400440532013000", "to DE89 3704 0044 0532 0130 00.", True),
        ("DE89370400440532013000", "to DE89 3704 0044 0532 0130 01.", False),
        ("10.0.0.1", "port 10001", False),
    ],
)
def test_an_identifier_stands_in_a_text_in_any_spelling(
    identifier: str, text: str, held: bool
) -> None:
    assert read_query(identifier).identifiers == (identifier,)
    assert holds(identifier, text) == held
