"""Rows of a table can be quoted on their own."""

import pytest

from compose.local.bedrock.sentences import sentences

TABLE = """Hotels are paid up to the limit.

| Country | Hotel, EUR | Note |
| --- | --- | --- |
| Sweden | 140 |  |
| Norway | 165 | fjords |

The allowance is for full days.
"""


def test_each_row_names_its_columns_and_the_head_is_no_sentence() -> None:
    assert [sentence.quote for sentence in sentences(TABLE)] == [
        "Hotels are paid up to the limit.",
        "Sweden – Hotel: 140 EUR.",
        "Norway – Hotel: 165 EUR; Note: fjords.",
        "The allowance is for full days.",
    ]
    assert [sentence.text for sentence in sentences(TABLE)] == [
        "Hotels are paid up to the limit.",
        "Country: Sweden; Hotel, EUR: 140.",
        "Country: Norway; Hotel, EUR: 165; Note: fjords.",
        "The allowance is for full days.",
    ]


@pytest.mark.parametrize(
    ("head", "cells", "quote"),
    [
        ("Country | Hotel, EUR a night", "Denmark | 155", "Denmark – Hotel: 155 EUR a night."),
        ("Country | Hotel (EUR)", "Denmark | 1.155,50", "Denmark – Hotel: 1.155,50 EUR."),
        ("Pump | Service interval, weeks", "P1 | 12", "P1 – Service interval: 12 weeks."),
        ("Oven | Heat (°C)", "B | -5", "B – Heat: -5 °C."),
        ("Land | Dauer, Tage", "Polen | 3", "Polen – Dauer: 3 Tage."),
        # No number, and what is not a unit, stays where it is.
        ("Country | Hotel, EUR", "Norway | none", "Norway – Hotel, EUR: none."),
        ("City | Guests, Denmark", "Oslo | 3", "Oslo – Guests, Denmark: 3."),
        ("City | Staff (2024)", "Oslo | 3", "Oslo – Staff (2024): 3."),
        ("Size | Range, max", "L | 3", "L – Range, max: 3."),
        # A number alone names nothing.
        ("Priority | Answer within", "1 | 4 hours", "Priority 1 – Answer within: 4 hours."),
        ("Country | Hotel", " | 190", "Hotel: 190."),
        ("Country | Hotel", "Norway | ", "Country: Norway."),
        (" | Hotel", "Norway | 190 | x", "Norway – Hotel: 190; x."),
    ],
)
def test_a_row_is_quoted_as_people_say_it(head: str, cells: str, quote: str) -> None:
    table = f"| {head} |\n| --- | --- |\n| {cells} |"
    assert [sentence.quote for sentence in sentences(table)] == [quote]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("| a | 1 |\n| b | 2 |", [("| a | 1 |", "a | 1"), ("| b | 2 |", "b | 2")]),
        ("K | V\n--- | ---\na\\|b | 1\n\nc | d", [("a|b – V: 1.", "a|b | 1")]),
        ("| K | V |\n|:--|--:|\n| **a** | x_y |", [("**a** – V: x_y.", "**a** | x_y")]),
    ],
)
def test_rows_with_and_without_head_or_frame(table: str, rows: list[tuple[str, str]]) -> None:
    found = [sentence for sentence in sentences(table) if sentence.part == "row"]
    assert [(sentence.quote, sentence.own) for sentence in found] == rows
