"""Texts and presentations of OpenDocument as Markdown."""

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.formats.office.packages import (
    attribute,
    open_archive,
    parsed_xml,
    told_title,
)
from services.ingestion.services.reading.markup import (
    Cell,
    header_depth,
    heading,
    joined,
    one_header,
    paged,
    raised,
    spread,
    table,
)

_SPACE = "urn:oasis:names:tc:opendocument:xmlns"
_TEXT, _TABLE = f"{{{_SPACE}:text:1.0}}", f"{{{_SPACE}:table:1.0}}"
_REPEATED_MAX = 256
# What was deleted, remarks, reading aids, page numbers, and lists that repeat the headings.
_NO_TEXT_NAMED = (
    "tracked-changes annotation annotation-end page-number page-count table-of-content "
    "illustration-index table-index alphabetical-index forms sequence-decls variable-decls "
    "user-field-decls hidden-text hidden-paragraph ruby-text"
)
_NO_TEXT = frozenset(_NO_TEXT_NAMED.split())
# Numbers, dates and lines that each slide repeats.
_NO_SHAPES = ("page-number", "date-time", "header", "footer")
_BREAK = "\x0c"


def read_odt(body: bytes) -> Parsed:
    """Pages only where the program that saved the file marked where each ends."""
    with open_archive(body) as archive:
        content = parsed_xml(archive.read("content.xml"))
        has_styles = "styles.xml" in archive.namelist()
        styles = parsed_xml(archive.read("styles.xml")) if has_styles else None
        title = told_title(archive)
    hidden = _styles(content, "display", "none")
    lifted = _styles(content, "text-position", "super|[1-9]")
    root = next(content.iter("{*}body"))
    blocks = [block for element in root for block in _Text(hidden, lifted).blocks(element)]
    if styles is not None:
        margins = styles.iter("{*}header", "{*}footer", "{*}header-first", "{*}footer-first")
        told = (block for margin in margins for block in _Text(hidden, lifted).blocks(margin))
        blocks += dict.fromkeys(block.replace(_BREAK, "") for block in told)
    text, spans = paged(enumerate(joined(blocks).split(_BREAK), 1))
    return Parsed(text, markdown=True, title=title, pages=spans if len(spans) > 1 else ())


def read_odp(body: bytes) -> Parsed:
    """Each slide is a page, its speaker's notes included."""
    with open_archive(body) as archive:
        content = parsed_xml(archive.read("content.xml"))
        title = told_title(archive)
    hidden = _styles(content, "display", "none")
    reader = _Text(hidden, _styles(content, "text-position", "super|[1-9]"))
    left_out = _styles(content, "visibility", "hidden")
    text, spans = paged(
        (number, joined(_slide(slide, reader)))
        for number, slide in enumerate(content.iter("{*}page"), 1)
        if attribute(slide, "style-name") not in left_out
    )
    return Parsed(text, markdown=True, title=title, pages=spans)


def _slide(slide: etree._Element, reader: "_Text") -> Iterator[str]:
    """The title, the other shapes in the order of the file, the notes."""
    shapes = [one for one in slide if attribute(one, "class") not in _NO_SHAPES]
    for shape in sorted(shapes, key=lambda one: attribute(one, "class") != "title"):
        blocks = list(reader.blocks([shape]))
        is_title = attribute(shape, "class") == "title"
        yield from [heading(2, " ".join(blocks))] if is_title else blocks
        for picture in shape.iterchildren("{*}desc"):
            yield picture.text or ""


def _styles(content: etree._Element, property: str, wanted: str) -> frozenset[str]:
    """The names of those with a property that begins with this pattern."""
    return frozenset(
        attribute(style, "name")
        for style in content.iter("{*}style")
        if any(re.match(wanted, attribute(one, property)) for one in style)
    )


class _Text:
    def __init__(self, hidden: frozenset[str], lifted: frozenset[str]) -> None:
        self._hidden, self._lifted = hidden, lifted

    def blocks(self, elements: Iterable[etree._Element], depth: int = 0) -> Iterator[str]:
        for element in elements:
            name = _name(element)
            if name in _NO_TEXT or not name or self._is_hidden(element):
                continue
            if name in ("p", "h"):
                level = int(element.get(f"{_TEXT}outline-level", 1)) if name == "h" else 0
                aside: list[str] = []
                text = self._inline(element, aside).strip(" \n")
                breaks = _BREAK * text.count(_BREAK) if level else ""
                yield breaks + heading(level, text.replace(_BREAK, "")) if level else text
                yield from aside
            elif name == "list":
                yield from self._list(element, depth)
            elif name == "table":
                yield self._table(element)
            elif name == "soft-page-break":
                yield _BREAK
            else:
                yield from self.blocks(element, depth)

    def _is_hidden(self, element: etree._Element) -> bool:
        style = element.get(f"{_TEXT}style-name")
        return style in self._hidden or element.get(f"{_TEXT}display") == "none"

    def _list(self, element: etree._Element, depth: int) -> Iterator[str]:
        for item in element.iterchildren(f"{_TEXT}list-item", f"{_TEXT}list-header"):
            first = True
            for child in item:
                if _name(child) == "list":
                    yield from self._list(child, depth + 1)
                    continue
                for block in self.blocks([child], depth):
                    yield f"{'  ' * depth}{'- ' if first else '  '}{block}" if block else ""
                    first = False

    def _table(self, element: etree._Element) -> str:
        rows: list[list[Cell]] = []
        heads = 0
        for row in element.iter(f"{_TABLE}table-row"):
            if next(row.iterancestors(f"{_TABLE}table")) is not element:
                continue
            cells: list[Cell] = []
            for cell in row.iterchildren(f"{_TABLE}table-cell"):
                size = (
                    int(cell.get(f"{_TABLE}number-{kind}-spanned", 1))
                    for kind in ("columns", "rows")
                )
                made = Cell(" ".join(self.blocks(cell)).replace(_BREAK, " "), *size)
                repeated = int(cell.get(f"{_TABLE}number-columns-repeated", 1))
                cells += [made] * min(repeated, _REPEATED_MAX - len(cells))
            in_head = _name(next(row.iterancestors())) == "table-header-rows"
            heads += in_head and heads == len(rows)
            rows.append(cells)
        grid = spread(rows)
        depth = heads or (header_depth(rows[0], len(grid[0])) if rows else 1)
        return table(one_header(grid, depth))

    def _inline(self, element: etree._Element, aside: list[str]) -> str:
        """Notes and boxes stand after the paragraph, in `aside`."""
        parts = [element.text or ""]
        for child in element:
            name = _name(child)
            if name == "s":
                parts.append(" " * min(int(child.get(f"{_TEXT}c", 1)), _REPEATED_MAX))
            elif name in ("tab", "line-break", "soft-page-break"):
                parts.append({"tab": " ", "line-break": "\n"}.get(name, _BREAK))
            elif name == "note":
                aside += [
                    one for body in child.iter(f"{_TEXT}note-body") for one in self.blocks(body)
                ]
            elif name == "text-box":
                aside += self.blocks(child)
            elif name in ("title", "desc"):
                parts.append("" if name == "title" else child.text or "")
            elif name and name not in _NO_TEXT and not self._is_hidden(child):
                text = self._inline(child, aside)
                lifted = child.get(f"{_TEXT}style-name") in self._lifted
                parts.append(raised(text) if lifted else text)
            parts.append(child.tail or "")
        return "".join(parts)


def _name(element: etree._Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
