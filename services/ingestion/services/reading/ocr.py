"""Text of pictures: pages of a PDF and image files, by the program Tesseract.

Runs in the parser's process, whose limits the program inherits.
"""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from contracts.ingestion.media_types import KNOWN, TIFF
from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.formats.pdf.layout import Word, blocks_of, turned
from services.ingestion.services.reading.markup import joined, paged, table

PROGRAM = "tesseract"
# What Tesseract reads best, and how many dots a page may have at most.
_DOTS_PER_INCH = 300
_DOTS_MAX = 20_000_000
_SECONDS_MAX = 25.0
_NO_LANGUAGE = (b"Error opening data file", b"Failed loading language", b"couldn't load any")
# First with the direction of the page found out, which needs some text; then as it lies.
_SEGMENTATIONS = ("1", "3")
MISSING = (
    "Its text is a picture, and the program that reads pictures is not installed where ingestion"
    " runs: install tesseract-ocr and send the file again, or send it with its text recognised."
)


@dataclass(frozen=True)
class Ocr:
    """`languages` as Tesseract names them, such as `eng` or `deu+eng`."""

    languages: str
    pages_max: int


def find_ocr(languages: str, pages_max: int) -> Ocr | None:
    """None where there is no Tesseract, and where no language is wanted."""
    return Ocr(languages, pages_max) if languages and shutil.which(PROGRAM) else None


def recognise(body: bytes, media_type: str, page: int, languages: str) -> str:
    """The text of a page, counted from 1, as Markdown; empty when it shows none.

    Columns and tables are found by the places of its words, as on any page of a PDF.

    Raises Rejected for a picture that cannot be read, and for a language that is not installed.
    """
    picture = _rendered(body, page) if media_type == KNOWN["pdf"] else body
    options = ["-c", f"tessedit_page_number={page - 1}"] if media_type == TIFF else []
    for segmentation in _SEGMENTATIONS:
        told = _program(picture, ["-l", languages, "--psm", segmentation, *options])
        if words := _words(told):
            blocks = blocks_of(words, ())
            return joined(table(one.cells) if one.cells else one.text for one in blocks)
    return ""


def _rendered(body: bytes, page: int) -> bytes:
    """The page in grey, as PGM."""
    import pypdfium2 as pdfium

    document = pdfium.PdfDocument(body)
    try:
        shown = document[page - 1]
        across, up = shown.get_size()
        scale = min(_DOTS_PER_INCH / 72, (_DOTS_MAX / max(1.0, across * up)) ** 0.5)
        bitmap = shown.render(scale=scale, grayscale=True)
        dots = bytes(bitmap.buffer)
        rows = (
            dots[n * bitmap.stride : n * bitmap.stride + bitmap.width] for n in range(bitmap.height)
        )
        return b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + b"".join(rows)
    finally:
        document.close()


def _program(picture: bytes, options: Sequence[str]) -> str:
    command = [PROGRAM, "stdin", "stdout", *options, "tsv"]
    environment = {"PATH": os.environ.get("PATH", ""), "OMP_THREAD_LIMIT": "1"}
    environment |= {n: v for n, v in os.environ.items() if n == "TESSDATA_PREFIX"}
    try:
        done = subprocess.run(  # noqa: S603 - nothing of the file is in the command
            command, input=picture, capture_output=True, env=environment, timeout=_SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        words = f"A picture of text could not be read within {_SECONDS_MAX:.0f} s; make it smaller."
        raise Rejected("too_complex", words) from None
    if any(words in done.stderr for words in _NO_LANGUAGE):
        words = "Tesseract lacks a language of RAGOPS_OCR_LANGUAGES: install it and send again."
        raise Rejected("needs_ocr", words)
    if done.returncode:
        raise Rejected("unreadable", "The picture is broken, or larger than can be read.")
    return done.stdout.decode("utf-8", "replace")


def _words(told: str) -> list[Word]:
    """Of Tesseract's table: a row for each word, with the line that it is in and its box."""
    lines: dict[str, list[Word]] = {}
    for row in told.splitlines()[1:]:
        level, *place, left, top, width, height, sure, text = row.split("\t", 11)
        if level == "5" and text.strip() and float(sure) >= 0:
            x, y, w, h = map(float, (left, top, width, height))
            line = lines.setdefault(" ".join(place[:4]), [])
            line.append(Word(x, x + w, -y - h, -y, text.strip()))
    turn = _turn([*lines.values()])
    return _level([[_turned(word, turn) for word in line] for line in lines.values()])


def _turn(lines: Sequence[Sequence[Word]]) -> int:
    """How the page lies, in quarters of a turn: by where the words of a line follow each other."""
    ways = Counter[int]()
    for first, *_, last in (line for line in lines if len(line) > 1):
        across, up = last.x0 - first.x0, last.y0 - first.y0
        way = (0 if across > 0 else 2) if abs(across) > abs(up) else (3 if up > 0 else 1)
        ways[way] += 1
    return ways.most_common(1)[0][0] if ways else 0


def _turned(word: Word, turn: int) -> Word:
    corners = ((word.x0, word.y0), (word.x1, word.y1))
    across, up = zip(*(turned(x, y, turn) for x, y in corners), strict=True)
    return Word(min(across), max(across), min(up), max(up), word.text)


def _level(lines: Sequence[Sequence[Word]]) -> list[Word]:
    """Words of a line have one height, and nearly all lines the same: letters differ by chance."""
    if not lines:
        return []
    heights = [max(word.y1 - word.y0 for word in line) for line in lines]
    usual = median(heights)
    found = []
    for line, height in zip(lines, heights, strict=True):
        middle = sum(word.y0 + word.y1 for word in line) / 2 / len(line)
        half = (usual if 0.6 * usual < height < 1.6 * usual else height) / 2
        found += [word._replace(y0=middle - half, y1=middle + half) for word in line]
    return found


def with_texts(parsed: Parsed, texts: Mapping[int, str]) -> Parsed:
    """The document with the texts of its scanned pages in their places."""
    pages = {span.page: parsed.text[span.start : span.end] for span in parsed.pages}
    text, spans = paged(sorted((pages | dict(texts)).items()))
    return replace(parsed, text=text, pages=spans, scanned=())
