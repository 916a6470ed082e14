"""Every kind of file that we say we know, through the real parser in its process."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from contracts.ingestion.media_types import KNOWN
from services.ingestion.models.errors import ParserCrashed, Rejected
from services.ingestion.services.reading.child import parse
from services.ingestion.services.reading.ocr import PROGRAM, find_ocr
from services.ingestion.services.reading.parser import Parser, open_parser
from tests.integration.ingestion.crashing import die
from tests.integration.ingestion.files import SAID, all_kinds, drawn, pdf, pdf_of, written
from tests.integration.ingestion.pictures import scanned

needs_tesseract = pytest.mark.skipif(
    shutil.which(PROGRAM) is None and os.environ.get("RAGOPS_REQUIRE_REAL") != "1",
    reason="no tesseract here (RAGOPS_REQUIRE_REAL=1 makes this a failure)",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parser() -> AsyncIterator[Parser]:
    ocr = find_ocr("eng", pages_max=3)
    assert ocr or os.environ.get("RAGOPS_REQUIRE_REAL") != "1", "Tesseract is not installed"
    opened = Parser(processes=1, timeout_s=30, ocr=ocr)
    yield opened
    await opened.close()


def test_there_is_a_file_of_every_known_kind() -> None:
    assert set(all_kinds()) == set(KNOWN)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("extension", sorted(KNOWN))
async def test_a_file_of_each_kind_is_read(parser: Parser, extension: str) -> None:
    body = all_kinds()[extension]
    parsed = await parser.parse(body, KNOWN[extension])
    if parsed.scanned:
        if parser.ocr is None:
            pytest.skip("no tesseract here (RAGOPS_REQUIRE_REAL=1 makes this a failure)")
        parsed = await parser.recognise(body, KNOWN[extension], parsed)
    assert SAID in " ".join(parsed.text.split())
    assert "Hidden" not in parsed.text


@pytest.mark.asyncio(loop_scope="module")
async def test_headings_titles_and_pages_are_kept(parser: Parser) -> None:
    html = await parser.parse(all_kinds()["html"], KNOWN["html"])
    assert html.text.startswith("# Ferries")
    assert html.title == "Ferries"
    word = await parser.parse(all_kinds()["docx"], KNOWN["docx"])
    assert word.text.startswith("# Ferries")
    paged = await parser.parse(pdf(), KNOWN["pdf"])
    assert [(page.page, paged.text[page.start : page.end].strip()) for page in paged.pages] == [
        (1, SAID),
        (2, "Bicycles travel free on weekdays."),
    ]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("body", "extension", "code"),
    [
        (pdf(encrypted=True), "pdf", "password"),
        (pdf()[:200], "pdf", "unreadable"),
        (b"PK\x03\x04 broken", "docx", "unreadable"),
        (b"\x00\x01\x02\x81", "txt", "unreadable"),
    ],
)
async def test_what_cannot_be_read_is_rejected(
    parser: Parser, body: bytes, extension: str, code: str
) -> None:
    with pytest.raises(Rejected) as raised:
        await parser.parse(body, KNOWN[extension])
    assert raised.value.code == code


@pytest.mark.asyncio(loop_scope="module")
async def test_text_is_decoded_by_its_mark_or_as_it_can_be(parser: Parser) -> None:
    words = "Überfahrt — 5 €\r\nEnde"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        parsed = await parser.parse(words.encode(encoding), KNOWN["txt"])
        assert parsed.text == words.replace("\r\n", "\n")


async def test_a_crash_is_told_and_the_next_file_is_read() -> None:
    parser = Parser(processes=1, timeout_s=30, parse=die)
    try:
        with pytest.raises(ParserCrashed, match="exit code"):
            await parser.parse(b"die", KNOWN["pdf"])
        fine = await parser.parse(b"fine", KNOWN["pdf"])
        assert fine.text == "fine"
    finally:
        await parser.close()


@pytest.mark.parametrize(
    ("body", "extension"),
    [
        (b"[" * 3_000_000, "json"),
        (b'{"a":[' + b'{"b":[]},' * 2_000_000 + b"1]}", "json"),
        (b"<div>" * 500_000, "html"),
        (b"a,b,c\n" * 3_000_000, "csv"),
    ],
)
async def test_what_takes_too_much_memory_is_rejected_and_the_process_lives(
    body: bytes, extension: str
) -> None:
    async with open_parser(processes=1, timeout_s=60, memory_mb=160) as parser:
        with pytest.raises(Rejected) as raised:
            await parser.parse(body, KNOWN[extension])
        assert raised.value.code == "too_complex"
        fine = await parser.parse(b"a,b\n1,2\n", KNOWN["csv"])
        assert "| 1 | 2 |" in fine.text


async def test_what_takes_too_long_is_rejected() -> None:
    parser = Parser(processes=1, timeout_s=1, parse=die)
    try:
        with pytest.raises(Rejected) as raised:
            await parser.parse(b"hang", KNOWN["pdf"])
        assert raised.value.code == "too_complex"
    finally:
        await parser.close()


PAGES = ("Horns are quiet at night.", "A page of text.", "Bells ring at noon.")


@needs_tesseract
@pytest.mark.asyncio(loop_scope="module")
async def test_scanned_pages_stand_in_their_places(parser: Parser) -> None:
    body = scanned(written(*PAGES), [1, 3])
    parsed = await parser.parse(body, KNOWN["pdf"])
    assert parsed.scanned == (1, 3)
    whole = await parser.recognise(body, KNOWN["pdf"], parsed)
    found = [(page.page, whole.text[page.start : page.end]) for page in whole.pages]
    assert found == [*enumerate(PAGES, 1)]
    assert (whole.note, whole.scanned) == ("", ())


@needs_tesseract
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("turned", [90, 180, 270])
async def test_a_page_that_was_scanned_lying_is_read(parser: Parser, turned: int) -> None:
    lines = [(60.0, 740.0 - 22 * n, 13.0, f"Rule {n}: {PAGES[n % 3]}") for n in range(24)]
    body = scanned(pdf_of([drawn(*lines)], turned=turned), [1])
    parsed = await parser.recognise(body, KNOWN["pdf"], await parser.parse(body, KNOWN["pdf"]))
    assert f"Rule 6: {PAGES[0]}" in parsed.text


async def test_without_tesseract_a_note_tells_what_is_missing() -> None:
    async with open_parser(processes=1, timeout_s=30) as parser:
        body = scanned(written(*PAGES), [1, 3])
        parsed = await parser.parse(body, KNOWN["pdf"])
        mixed = await parser.recognise(body, KNOWN["pdf"], parsed)
        assert (mixed.text, [page.page for page in mixed.pages]) == (PAGES[1], [2])
        assert mixed.note.startswith("Pages that are pictures were not read: 1, 3. ")
        assert "install tesseract-ocr" in mixed.note
        body = all_kinds()["png"]
        with pytest.raises(Rejected, match="install tesseract-ocr") as raised:
            await parser.recognise(body, KNOWN["png"], await parser.parse(body, KNOWN["png"]))
        assert raised.value.code == "needs_ocr"


@needs_tesseract
@pytest.mark.asyncio(loop_scope="module")
async def test_a_document_has_only_so_many_scanned_pages(parser: Parser) -> None:
    body = scanned(written(*PAGES, *PAGES), range(1, 7))
    parsed = await parser.parse(body, KNOWN["pdf"])
    with pytest.raises(Rejected, match="more than 3 scanned pages"):
        await parser.recognise(body, KNOWN["pdf"], parsed)


CANARY = "canary7741"


@pytest.mark.parametrize("extension", sorted({*KNOWN} - {"txt", "log", "md", "markdown", "zip"}))
def test_words_about_a_broken_file_quote_nothing_of_it(extension: str) -> None:
    """Each file is cut at several places, and holds nothing but the canary at others."""
    whole = all_kinds()[extension].replace(SAID.encode(), CANARY.encode())
    broken = [whole[: len(whole) * part // 4] for part in (1, 2, 3)]
    broken += [CANARY.encode() * 9, b"\x00" + CANARY.encode(), whole.replace(b"<", b"<<")]
    told = []
    for body in broken:
        try:
            parse(body, KNOWN[extension])
        except Rejected as error:
            told.append(error.message)
    assert not any(CANARY in message for message in told)
