"""PowerPoint files as Markdown: each slide is a page, its speaker's notes included."""

import zipfile
from collections.abc import Iterator

from lxml import etree

from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.formats.office.drawings import drawn, paragraphs
from services.ingestion.services.reading.formats.office.packages import (
    open_archive,
    parsed_xml,
    relations,
    told_title,
)
from services.ingestion.services.reading.markup import (
    Cell,
    header_depth,
    heading,
    joined,
    one_header,
    paged,
    spread,
    table,
)

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_TITLES = ("title", "ctrTitle")
# Numbers and dates that each slide repeats, and the picture of the slide above its notes.
_NO_TEXT = ("sldNum", "dt", "sldImg", "hdr")


def read_pptx(body: bytes) -> Parsed:
    with open_archive(body) as archive:
        main = next(at for kind, at in relations(archive, "").values() if kind == "officeDocument")
        links = relations(archive, main)
        pages = []
        for number, slide in enumerate(parsed_xml(archive.read(main)).iter(f"{_P}sldId"), 1):
            path = links[slide.get(_LINK, "")][1]
            root = parsed_xml(archive.read(path))
            if root.get("show", "1") not in ("0", "false"):
                pages.append((number, joined(_Slide(archive, path).blocks(root))))
        title = told_title(archive)
    text, spans = paged(pages)
    return Parsed(text, markdown=True, title=title, pages=spans)


class _Slide:
    def __init__(self, archive: zipfile.ZipFile, path: str) -> None:
        self._archive = archive
        self._links = relations(archive, path)

    def blocks(self, root: etree._Element) -> Iterator[str]:
        """The title, the other shapes in the order of the file, the notes."""
        shapes = list(_shapes(root))
        for shape in sorted(shapes, key=lambda one: _placeholder(one) not in _TITLES):
            yield from self._shape(shape)
        for kind, path in self._links.values():
            if kind == "notesSlide" and path in self._archive.namelist():
                for shape in _shapes(parsed_xml(self._archive.read(path))):
                    if _placeholder(shape) not in _NO_TEXT:
                        yield from self._shape(shape)

    def _shape(self, shape: etree._Element) -> Iterator[str]:
        kind = _placeholder(shape)
        if kind in _NO_TEXT:
            return
        if shape.tag == f"{_P}pic":
            yield next(shape.iter(f"{_P}cNvPr")).get("descr") or ""
        elif shape.tag == f"{_P}graphicFrame":
            yield from self._graphic(shape)
        else:
            lines = list(paragraphs(shape))
            yield heading(2, " ".join(lines)) if kind in _TITLES else "\n".join(lines)

    def _graphic(self, frame: etree._Element) -> Iterator[str]:
        for grid in frame.iter(f"{_A}tbl"):
            yield _table(grid)
        for node in frame.iter("{*}chart", "{*}relIds"):
            yield from drawn(node, self._links, self._archive)


def _shapes(root: etree._Element) -> Iterator[etree._Element]:
    """Also those in groups; of two forms of one the first."""
    wanted = (f"{_P}sp", f"{_P}pic", f"{_P}graphicFrame", f"{_P}cxnSp")
    for shape in root.iter(*wanted):
        if next(shape.iterancestors("{*}Fallback"), None) is not None:
            continue
        properties = next(shape.iter(f"{_P}cNvPr"), None)
        if properties is None or properties.get("hidden", "0") in ("0", "false"):
            yield shape


def _placeholder(shape: etree._Element) -> str:
    found = shape.find(f"./*/{_P}nvPr/{_P}ph")
    return found.get("type", "body") if found is not None else ""


def _table(grid: etree._Element) -> str:
    rows = []
    for row in grid.iter(f"{_A}tr"):
        cells = []
        for cell in row.iter(f"{_A}tc"):
            if cell.get("hMerge", "0") in ("1", "true") or cell.get("vMerge", "0") in ("1", "true"):
                continue
            size = int(cell.get("gridSpan", 1)), int(cell.get("rowSpan", 1))
            cells.append(Cell(" ".join(paragraphs(cell)), *size))
        rows.append(cells)
    spread_out = spread(rows)
    depth = header_depth(rows[0], len(spread_out[0])) if rows else 1
    return table(one_header(spread_out, depth))
