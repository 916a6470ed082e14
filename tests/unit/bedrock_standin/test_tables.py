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
        "Country: Sweden; Hotel, EUR: 140.",
        "Country: Norway; Hotel, EUR: 165; Note: fjords.",
        "The allowance is for full days.",
    ]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("| a | 1 |\n| b | 2 |", [("| a | 1 |", "a | 1"), ("| b | 2 |", "b | 2")]),
        ("K | V\n--- | ---\na\\|b | 1\n\nc | d", [("K: a|b; V: 1.", "a|b | 1")]),
        ("| K | V |\n|:--|--:|\n| **a** | x_y |", [("K: **a**; V: x_y.", "**a** | x_y")]),
    ],
)
def test_rows_with_and_without_head_or_frame(table: str, rows: list[tuple[str, str]]) -> None:
    found = [sentence for sentence in sentences(table) if sentence.part == "row"]
    assert [(sentence.quote, sentence.own) for sentence in found] == rows
