"""What the parser makes of a few files, to the character: another engine has to do the same.

An `.expected` file holds for each part a line `name|title|number of pages`, then its text.
"""

from pathlib import Path

import pytest

from contracts.ingestion.media_types import media_type_of
from services.ingestion.services.reading.parser import open_parser

GOLDEN = Path(__file__).parent / "golden"
EXPECTED = {path.stem: path.read_text() for path in GOLDEN.glob("*.expected")}
FILES = {path.name: path.read_bytes() for path in GOLDEN.iterdir() if path.suffix != ".expected"}


def test_every_file_has_its_text() -> None:
    assert FILES
    assert FILES.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", sorted(FILES))
async def test_a_file_is_read_to_the_character(name: str) -> None:
    async with open_parser(processes=1, timeout_s=30) as parser:
        parts = await parser.parse(FILES[name], media_type_of(name) or "")
    shown = (f"{part.name}|{part.title}|{len(part.pages)}\n{part.text}" for part in parts)
    assert "".join(shown) == EXPECTED[name]
