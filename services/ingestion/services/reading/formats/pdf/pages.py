"""PDF files as Markdown, page by page, with pdfium's letters and their places."""

import ctypes
import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.formats.office.packages import real_title
from services.ingestion.services.reading.formats.pdf.layout import (
    BROKEN,
    BULLETS,
    Block,
    Word,
    blocks_of,
    rows_of,
    turned,
)
from services.ingestion.services.reading.markup import heading, joined, paged, table

# A heading is so much higher than the text, and of few words.
_HEADING_HEIGHT = 1.12
_HEADING_LETTERS = 150
_BOLD = 600
_LEVELS = 4
# A thinner path is a line; one with more segments than this is a drawing.
_LINE_MAX = 2.0
_SEGMENTS_MAX = 400
_PAGE_NUMBER = re.compile(
    r"(?i)\W*(?:page|seite|p\.|s\.)?\W*\d{1,4}(?:\W*(?:of|von|de|/)?\W*\d{1,4})?\W*"
)
# A hyphen at a line's end is told by a sign of its own, which stands for the end too.
_WORD = re.compile(r"[^\s\x00\x02\ufffe]+[\x02\ufffe]?")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*(?:\s|$)|[。！？]")
_TAIL_MAX = 400
# A page is scanned when a picture covers so much of it and fewer letters stand on it.
_SCANNED_SHARE = 0.6
_STAMP_LETTERS = 60
# Fields of a form, and what somebody typed or stamped on a page.
_FILLED_IN = (raw.FPDF_ANNOT_WIDGET, raw.FPDF_ANNOT_FREETEXT, raw.FPDF_ANNOT_STAMP)
# Of 255 parts of red, green and blue.
_WHITE = 250


def read_pdf(body: bytes) -> Parsed:
    try:
        document = pdfium.PdfDocument(body)
    except pdfium.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            words = "The file is protected by a password; send it without one."
            raise Rejected("password", words) from None
        raise
    try:
        if document.get_formtype() != raw.FORMTYPE_NONE:
            document.init_forms()
        pages = [_page(document, number) for number in range(len(document))]
        title = real_title(document.get_metadata_dict().get("Title"))
    finally:
        document.close()
    scanned = tuple(n for n, page in enumerate(pages, 1) if page.is_scanned)
    for n in scanned:
        pages[n - 1].blocks = []
    return replace(_parsed(pages, title), scanned=scanned)


@dataclass
class _Page:
    blocks: list[Block]
    height: float
    # Share of the page that pictures cover.
    pictured: float

    @property
    def is_scanned(self) -> bool:
        """A stamp or a number on a picture of a page is no text of it; a layer of text is."""
        letters = sum(len(block.text) for block in self.blocks)
        limit = _STAMP_LETTERS if self.pictured >= _SCANNED_SHARE else 1
        return self.pictured > 0 and letters < limit


def _page(document: pdfium.PdfDocument, number: int) -> _Page:
    page = document[number]
    if _with_filled_in(page):
        page.close()
        page = document[number]
    text = page.get_textpage()
    try:
        groups = _words(page, text)
        turn = max(groups, key=lambda angle: len(groups[angle]), default=0)
        rules, pictured = _rules(page, turn)
        blocks = blocks_of(groups.pop(turn, []), rules)
        for words in groups.values():
            blocks += blocks_of(words, ())
        return _Page(blocks, page.get_height(), pictured)
    finally:
        text.close()
        page.close()


def _with_filled_in(page: pdfium.PdfPage) -> bool:
    """Makes what was filled in a part of the page, and says whether there was any.

    Remarks, links and marks of a reader are no text of it.
    """
    others, found = [], False
    for n in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, n)
        if raw.FPDFAnnot_GetSubtype(annotation) in _FILLED_IN:
            found = True
        else:
            others.append(n)
        raw.FPDFPage_CloseAnnot(annotation)
    if not found:
        return False
    for n in reversed(others):
        raw.FPDFPage_RemoveAnnot(page, n)
    return bool(raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY) == raw.FLATTEN_SUCCESS)


def _words(page: pdfium.PdfPage, text: pdfium.PdfTextPage) -> dict[int, list[Word]]:
    """By the direction in which they run, in quarters of a turn; places as if they ran right.

    White words on white paper are left out.
    """
    signs = _signs(text)
    painted: list[_Box] | None = None
    rtl = any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in set(signs))
    groups: dict[int, list[Word]] = {}
    for found in _WORD.finditer(signs):
        at, end = found.span()
        if _is_white(text, at):
            painted = _painted(page) if painted is None else painted
            if not _lies_on(_box(text, at, at, 0), painted):
                continue
        angle = raw.FPDFText_GetCharAngle(text, at)
        turn = round(angle / (math.pi / 2)) % 4 if angle >= 0 else 0
        bold = raw.FPDFText_GetFontWeight(text, at) >= _BOLD
        if rtl:
            groups.setdefault(turn, []).extend(_letters(text, signs, at, end, turn))
            continue
        last = end - 2 if found[0][1:].endswith(BROKEN) else end - 1
        x0, x1, y0, y1 = _box(text, at, last, turn)
        if y1 - y0 >= 1:
            groups.setdefault(turn, []).append(Word(x0, x1, y0, y1, found[0], bold))
    if rtl:
        groups = {turn: _rtl_words(letters) for turn, letters in groups.items()}
    return groups


_Box = tuple[float, ...]


def _is_white(text: pdfium.PdfTextPage, at: int) -> bool:
    """Also what can be seen through; text that is not drawn at all is a scan's layer of text."""
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not raw.FPDFText_GetFillColor(text, at, red, green, blue, alpha):
        return False
    return min(red.value, green.value, blue.value) >= _WHITE or not alpha.value


def _painted(page: pdfium.PdfPage) -> list[_Box]:
    """Left, right, bottom, top of pictures and of areas of another colour than white."""
    found: list[_Box] = []
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    for item in page.get_objects(max_depth=3):
        if item.type == raw.FPDF_PAGEOBJ_PATH:
            raw.FPDFPageObj_GetFillColor(item, red, green, blue, alpha)
            if min(red.value, green.value, blue.value) >= _WHITE or not alpha.value:
                continue
        elif item.type not in (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_SHADING):
            continue
        left, bottom, right, top = item.get_bounds()
        found.append((left, right, bottom, top))
    return found


def _lies_on(box: _Box, painted: Sequence[_Box]) -> bool:
    x, y = (box[0] + box[1]) / 2, (box[2] + box[3]) / 2
    return any(x0 <= x <= x1 and y0 <= y <= y1 for x0, x1, y0, y1 in painted)


def _signs(text: pdfium.PdfTextPage) -> str:
    """A sign for each letter that pdfium counts; at once, where it writes as many as it counts."""
    count = text.count_chars()
    room = ctypes.create_string_buffer(2 * (count + 1))
    raw.FPDFText_GetText(text, 0, count, ctypes.cast(room, ctypes.POINTER(ctypes.c_ushort)))
    signs = room.raw[: 2 * count].decode("utf-16-le", "surrogatepass")
    if len(signs) == count and "\0" not in signs:
        return signs
    return "".join(chr(raw.FPDFText_GetUnicode(text, n)) for n in range(count))


def _box(text: pdfium.PdfTextPage, first: int, last: int, turn: int) -> tuple[float, ...]:
    one, two = raw.FS_RECTF(), raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(text, first, one)
    raw.FPDFText_GetLooseCharBox(text, last, two)
    if not turn:
        return (
            one.left,
            max(one.right, two.right),
            min(one.bottom, two.bottom),
            max(one.top, two.top),
        )
    corners = [turned(x, y, turn) for box in (one, two) for x, y in _corners(box)]
    across, up = zip(*corners, strict=True)
    return min(across), max(across), min(up), max(up)


def _corners(box: "raw.FS_RECTF") -> Iterator[tuple[float, float]]:
    yield box.left, box.bottom
    yield box.right, box.top


def _letters(
    text: pdfium.PdfTextPage, signs: str, start: int, end: int, turn: int
) -> Iterator[Word]:
    """Letters with their marks; those of one glyph share a place, and lam comes before alef."""
    made: list[Word] = []
    for n in range(start, end):
        x0, x1, y0, y1 = _box(text, n, n, turn)
        last = made[-1] if made else None
        if last and (unicodedata.combining(signs[n]) or (last.x0, last.x1) == (x0, x1)):
            alef = signs[n] == "ل" and last.text in "اأإآٱ"
            made[-1] = last._replace(text=signs[n] + last.text if alef else last.text + signs[n])
        else:
            made.append(Word(x0, x1, y0, y1, signs[n]))
    yield from made


def _rtl_words(letters: Sequence[Word]) -> list[Word]:
    """Letters by their places: where there is no blank paper between them, they are a word."""
    made: list[Word] = []
    for row in rows_of(letters):
        placed = sorted((w for s in row.segments for w in s.words), key=lambda one: one.x0)
        word: list[Word] = []
        for letter in placed:
            if word and letter.x0 - max(one.x1 for one in word) > 0.14 * row.height:
                made.append(_rtl_word(word))
                word = []
            word.append(letter)
        made += [_rtl_word(word)] if word else []
    return made


def _rtl_word(letters: Sequence[Word]) -> Word:
    """Its letters from right to left, but digits and Latin ones from left to right."""
    texts: list[str] = []
    forward: list[str] = []
    for letter in reversed(letters):
        kind = unicodedata.bidirectional(letter.text[0])
        if kind in ("L", "EN", "AN", "ES", "CS") and (kind != "CS" or forward):
            forward.insert(0, letter.text)
        else:
            texts += [*forward, letter.text]
            forward = []
    text = "".join([*texts, *forward])
    y0, y1 = min(one.y0 for one in letters), max(one.y1 for one in letters)
    return Word(letters[0].x0, max(one.x1 for one in letters), y0, y1, text)


def _rules(page: pdfium.PdfPage, turn: int) -> tuple[list[float], float]:
    """Where horizontal lines are drawn, each height once; the share of the page of pictures."""
    found: set[float] = set()
    pictured = 0.0
    for item in page.get_objects(max_depth=3):
        if item.type not in (raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_IMAGE):
            continue
        left, bottom, right, top = item.get_bounds()
        if item.type == raw.FPDF_PAGEOBJ_IMAGE:
            pictured += abs((right - left) * (top - bottom))
            continue
        (x0, y0), (x1, y1) = turned(left, bottom, turn), turned(right, top, turn)
        if abs(y1 - y0) <= _LINE_MAX < abs(x1 - x0):
            found.add(round((y0 + y1) / 2))
        elif abs(x1 - x0) > _LINE_MAX:
            found.update(_horizontal(item, turn))
    return sorted(found), pictured / max(1.0, page.get_width() * page.get_height())


def _horizontal(item: pdfium.PdfObject, turn: int) -> Iterator[float]:
    """Edges of a box, or the lines of a grid that is one path."""
    count = raw.FPDFPath_CountSegments(item)
    if not 2 <= count <= _SEGMENTS_MAX:
        return
    matrix = item.get_matrix()
    x, y = ctypes.c_float(), ctypes.c_float()
    last = (0.0, 0.0)
    for n in range(count):
        segment = raw.FPDFPath_GetPathSegment(item, n)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        across, up = matrix.on_point(x.value, y.value)
        now = turned(across, up, turn)
        line = raw.FPDFPathSegment_GetType(segment) == raw.FPDF_SEGMENT_LINETO
        if line and abs(now[1] - last[1]) < 1 and abs(now[0] - last[0]) > _LINE_MAX:
            yield round(now[1])
        last = now


def _parsed(pages: Sequence[_Page], title: str) -> Parsed:
    levels = _levels(pages)
    repeated = _repeated(pages)
    told: set[str] = set()
    written: list[list[str]] = []
    header: list[str] = []
    for page in pages:
        blocks: list[str] = []
        for n, block in enumerate(page.blocks):
            key = _key(block)
            if key in repeated and (key in told or _PAGE_NUMBER.fullmatch(block.text)):
                continue
            told.add(key)
            if block.cells is None:
                blocks.append(_paragraph(block, levels))
                continue
            cells = block.cells
            if n == 0 and len(header) == len(cells[0]) and cells[0] != header:
                cells = [header, *cells]
            header = cells[0]
            blocks.append(table(cells))
        if not page.blocks or page.blocks[-1].cells is None:
            header = []
        written.append(blocks)
    _finish_sentences(written)
    text, spans = paged((number, joined(blocks)) for number, blocks in enumerate(written, 1))
    return Parsed(text, markdown=True, title=title, pages=spans)


def _key(block: Block) -> str:
    """The same for the same words at the same place, and for all numbers of pages there."""
    text = "#" if _PAGE_NUMBER.fullmatch(block.text) else block.text
    return f"{round(block.rows[0].y0 / 4)} {text}"


def _repeated(pages: Sequence[_Page]) -> set[str]:
    """What stands on top or at the bottom of most pages."""
    ends = [
        _key(block)
        for page in pages
        for block in {id(one): one for one in (*page.blocks[:2], *page.blocks[-2:])}.values()
        if block.cells is None and len(block.rows) < 3
    ]
    return {key for key, count in Counter(ends).items() if count > max(1, len(pages) // 3)}


def _levels(pages: Sequence[_Page]) -> dict[int, int]:
    """Level by height of letters (in half points); the height of most letters is that of text."""
    letters: Counter[int] = Counter()
    for page in pages:
        for block in page.blocks:
            letters[round(block.height * 2)] += sum(len(row.text) for row in block.rows)
    if not letters:
        return {}
    text = letters.most_common(1)[0][0]
    higher = sorted((height for height in letters if height > text * _HEADING_HEIGHT), reverse=True)
    levels = {height: min(n, _LEVELS) for n, height in enumerate(higher, 1)}
    return levels | {text: min(len(higher), _LEVELS) + 1}


def _paragraph(block: Block, levels: dict[int, int]) -> str:
    text, height = block.text, round(block.height * 2)
    if (
        len(text) > _HEADING_LETTERS
        or len(block.rows) > 3
        or text[0] in BULLETS
        or not re.search(r"[^\W\d_]{2}", text)
    ):
        return text
    level = levels.get(height, 0)
    is_text = level == max(levels.values(), default=0)
    if level and not is_text:
        return heading(level, text)
    bold = is_text and block.bold and len(block.rows) == 1 and not text.endswith((".", ",", ";"))
    return heading(level, text) if bold else text


def _finish_sentences(pages: Sequence[list[str]]) -> None:
    """A sentence that ends on the next page stands on the page on which it begins."""
    for page, following in itertools.pairwise(pages):
        if not page or not following or page[-1].startswith(("#", "|")):
            continue
        last, first = page[-1], following[0]
        if _SENTENCE_END.search(last[-3:]) or not first[:1].islower():
            continue
        end = _SENTENCE_END.search(first[:_TAIL_MAX])
        at = end.end() if end else len(first) if len(first) <= _TAIL_MAX else 0
        page[-1] = f"{last} {first[:at].strip()}" if at else last
        following[0] = first[at:].strip()
