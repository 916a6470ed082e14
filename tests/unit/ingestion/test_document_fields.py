"""A document's name and what it says of itself: what is refused, and what is made normal."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Envelope, new_id
from contracts.ingestion.document import normal_name
from shared.messaging.wire import Undecodable, decode, message_of

GOOD = {"name": "a.txt", "source": {"kind": "inline", "text": "Words."}}


def sent(**fields: Any) -> str:
    envelope = {
        "id": new_id(),
        "type": "IngestDocument",
        "version": 2,
        "occurred_at": "2026-01-01T00:00:00Z",
        "tenant": "acme",
        "correlation_id": "c1",
        "data": GOOD | fields,
    }
    return json.dumps(envelope)


def read(body: str) -> Envelope:
    envelope = decode(body)
    message_of(envelope)
    return envelope


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"x": float("nan")}},
        {"metadata": {"x": float("-inf")}},
        {"metadata": {"x": "\0"}},
        {"metadata": {"\0": 1}},
        {"metadata": {"x": "\ud800"}},
        {"metadata": {"\udfff": 1}},
        {"metadata": {"x": None}},
        {"tags": ["\0"]},
        {"tags": ["\ud800"]},
        {"name": "a\0.txt"},
        {"name": "a\ud800.txt"},
        {"visibility": ["user:\0"]},
        {"visibility": ["user:\ud800"]},
    ],
    ids=ascii,
)
def test_what_cannot_be_stored_is_refused_by_the_decoder(fields: dict[str, Any]) -> None:
    """Issue 10, 22."""
    with pytest.raises(Undecodable):
        read(sent(**fields))


def test_a_number_beyond_all_bounds_is_infinite() -> None:
    """Issue 10, 22: JSON has no infinity, and yet a reader may get one."""
    body = sent(metadata={"x": 12345}).replace("12345", "1e999")
    with pytest.raises(Undecodable, match="a number is too large"):
        read(body)


def test_the_refusal_says_what_to_do() -> None:
    with pytest.raises(
        Undecodable, match=r"tags: .*NUL characters or lone surrogates; remove them"
    ):
        read(sent(tags=["\0"]))


def test_what_can_be_stored_is_taken() -> None:
    read(sent(metadata={"year": 2024, "ratio": 0.5, "on": "2024-01-02", "äöü": "𝔘 \\u0000"}))


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("u\u0308bersicht.txt", "übersicht.txt"),
        ("in\u200bvoice.pdf", "invoice.pdf"),
        ("invoice\u202efdp.exe.pdf", "invoicefdp.exe.pdf"),
        ("a\n\tb.txt", "a b.txt"),
        ("a\u2028b.txt", "a b.txt"),
        ("  notes/a  b.txt ", "notes/a b.txt"),
        ("e\u200b\u0301.txt", "é.txt"),
        ("\ud800\ufeff", ""),
    ],
)
def test_names_are_made_normal(raw: str, name: str) -> None:
    """Issue 10, 29."""
    assert normal_name(raw) == name


@given(st.text())
def test_a_normal_name_is_normal(raw: str) -> None:
    """Issue 10, 29: so each entrance may do it, and one after the other."""
    assert normal_name(normal_name(raw)) == normal_name(raw)
