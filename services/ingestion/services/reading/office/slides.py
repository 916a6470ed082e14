"""PowerPoint files as Markdown: each slide is a page, its speaker's notes included."""

import zipfile
from collections.abc import Iterator

from lxml import etree

from services.ingestion.models.parsed import Parsed
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
from services.ingestion.services.reading.office.packages import (
    attribute,
    open_archive,
    parsed_xml,
    relations,
    told_title,
)

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_TITLES = ("title", "ctrTitle")
# Numbers and dates that each slide repeats, and the picture of the slide above its notes.
_NO_TEXT = ("sldNum", "dt", "sldImg", "hdr")


def read_pptx(body: bytes) -> list[Parsed]:
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
    return [Parsed(text, markdown=True, title=title, pages=spans)]


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
            lines = list(_lines(shape))
            yield heading(2, " ".join(lines)) if kind in _TITLES else "\n".join(lines)

    def _graphic(self, frame: etree._Element) -> Iterator[str]:
        for grid in frame.iter(f"{_A}tbl"):
            yield _table(grid)
        for node in frame.iter("{*}chart", "{*}relIds"):
            link = attribute(node, "dm") or attribute(node, "id")
            kind, path = self._links.get(link, ("", ""))
            if path in self._archive.namelist():
                part = parsed_xml(self._archive.read(path))
                yield from _chart(part) if kind == "chart" else _diagram(part)


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


def _lines(parent: etree._Element) -> Iterator[str]:
    for paragraph in parent.iter(f"{_A}p"):
        parts = []
        for node in paragraph:
            name = node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
            if name == "br":
                parts.append("\n")
            elif name in ("r", "fld"):
                parts.append(node.findtext(f"{_A}t") or "")
            else:
                parts += [text.text or "" for text in node.iter("{*}t")]
        text = "".join(parts).replace("\x0b", "\n").strip()
        if text:
            yield text


def _table(grid: etree._Element) -> str:
    rows = []
    for row in grid.iter(f"{_A}tr"):
        cells = []
        for cell in row.iter(f"{_A}tc"):
            if cell.get("hMerge", "0") in ("1", "true") or cell.get("vMerge", "0") in ("1", "true"):
                continue
            size = int(cell.get("gridSpan", 1)), int(cell.get("rowSpan", 1))
            cells.append(Cell(" ".join(_lines(cell)), *size))
        rows.append(cells)
    spread_out = spread(rows)
    depth = header_depth(rows[0], len(spread_out[0])) if rows else 1
    return table(one_header(spread_out, depth))


def _chart(part: etree._Element) -> Iterator[str]:
    """Its title, and what it draws as a table: categories down, series across."""
    for title in part.iter("{*}title"):
        yield "\n".join(_lines(title))
    columns: list[list[str]] = []
    for series in part.iter("{*}ser"):
        name = " ".join(_cached(series.find("{*}tx")))
        if not columns:
            columns.append(["", *_cached(next(series.iter("{*}cat", "{*}xVal"), None))])
        columns.append([name, *_cached(next(series.iter("{*}val", "{*}yVal"), None))])
    longest = max(map(len, columns), default=0)
    yield table([[one[n] if n < len(one) else "" for one in columns] for n in range(longest)])


def _cached(element: etree._Element | None) -> list[str]:
    return [node.text or "" for node in element.iter("{*}v")] if element is not None else []


def _diagram(part: etree._Element) -> Iterator[str]:
    yield "\n".join(_lines(part))
