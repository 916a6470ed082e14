"""Rows of a table can be quoted on their own."""

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
