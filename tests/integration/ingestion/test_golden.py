"""What the parser makes of a few files, to the character: another engine has to do the same.

An `.expected` file holds for each part a line `name|title|number of pages`, then its text.
"""

from pathlib import Path

import pytest

from contracts.ingestion.media_types import KNOWN
from services.ingestion.services.reading.parser import open_parser

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(path for path in GOLDEN.iterdir() if path.suffix != ".expected")


def test_every_file_has_its_text() -> None:
    assert FILES
    assert {path.name for path in GOLDEN.glob("*.expected")} == {
        f"{f.name}.expected" for f in FILES
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_a_file_is_read_to_the_character(path: Path) -> None:
    async with open_parser(processes=1, timeout_s=30) as parser:
        parts = await parser.parse(path.read_bytes(), KNOWN[path.suffix.removeprefix(".")])
    shown = "".join(f"{part.name}|{part.title}|{len(part.pages)}\n{part.text}" for part in parts)
    expected = path.with_name(f"{path.name}.expected")
    assert shown == expected.read_text()
