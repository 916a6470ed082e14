"""Terms of one key and type are in the order of their values, and never another's."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.retrieval.models.document import Value
from services.retrieval.store.metadata_terms import prefix, term, terms

NUMBERS = st.one_of(st.floats(allow_nan=False), st.integers(-(2**53), 2**53))
TEXTS = st.text(max_size=50)
VALUES = st.one_of(st.booleans(), NUMBERS, TEXTS, st.dates())


@given(st.one_of(*(st.tuples(of, of) for of in (NUMBERS, TEXTS, st.dates(), st.booleans()))))
def test_order_is_kept(pair: tuple[Value, Value]) -> None:
    low, high = sorted(pair)
    assert (term("k", low) == term("k", high)) == (low == high)
    # Lucene orders terms by their UTF-8 bytes.
    sent = [term("k", value).encode(errors="surrogatepass") for value in (low, high)]
    assert sent == sorted(sent)


@given(st.tuples(TEXTS, VALUES), st.tuples(TEXTS, VALUES))
def test_terms_of_another_key_or_type_lie_outside(
    one: tuple[str, Value], other: tuple[str, Value]
) -> None:
    same = prefix(*one) == prefix(*other)
    assert term(*other).startswith(prefix(*one)) == same


def test_equal_numbers_are_one_term() -> None:
    assert term("year", 2024) == term("year", 2024.0) != term("year", "2024")
    assert term("zero", 0) == term("zero", -0.0)
    assert term("flag", True) != term("flag", 1)


def test_dates_are_their_iso_text() -> None:
    assert term("due", date(2024, 5, 1)) == term("due", "2024-05-01")


@pytest.mark.parametrize("value", [10**400, -(10**400), "x" * 100_000])
def test_what_is_too_large_is_cut(value: Value) -> None:
    (made,) = terms({"k" * 10_000: value})
    assert len(made) < 8_000
