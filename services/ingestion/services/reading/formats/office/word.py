"""Word files as Markdown: the final text as it is printed, and pages where the file knows them."""

import re
import zipfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from lxml import etree

from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.formats.formulas import formula
from services.ingestion.services.reading.formats.office.drawings import drawn
from services.ingestion.services.reading.formats.office.packages import (
    open_archive,
    parsed_xml,
    relations,
    told_title,
)
from services.ingestion.services.reading.formats.office.word_styles import (
    TABLE_OF_CONTENTS,
    WORDS_IN_A_PAGE_NUMBER,
    Numbering,
    Styles,
    value_of,
)
from services.ingestion.services.reading.formats.symbols import readable, shown
from services.ingestion.services.reading.markup import (
    Merged,
    header_depth,
    heading,
    joined,
    line,
    one_header,
    paged,
    raised,
    spread,
    table,
    unmerged,
)

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
# Where a page ends is marked in a paragraph's text until the text is cut into pages.
_BREAK, _RENDERED = "\x0c", "\x0e"
# More than this between two breaks that the author set may be several pages: none is told then.
_PAGE_MAX = 3000
_REMOVED = frozenset(
    f"{W}{name}" for name in ("del", "moveFrom", "delText", "instrText", "commentReference")
)


class _Paragraph(NamedTuple):
    """Its text, and what stands in boxes and notes that belong to it."""

    text: str
    more: Sequence[str]


def read_docx(body: bytes) -> Parsed:
    with open_archive(body) as archive:
        word = _Word(archive)
        blocks = [*word.body(), *word.margins()]
        title = told_title(archive)
    text, spans = paged(_pages(blocks))
    return Parsed(text, markdown=True, title=title, pages=spans if len(spans) > 1 else ())


def _pages(blocks: Sequence[str]) -> Iterator[tuple[int, str]]:
    """By the breaks that were rendered last, else by those that the author set, if they can be all.

    A rendered break just after one that was set is the same.
    """
    text = joined(blocks)
    if _RENDERED in text:
        parts = re.split(rf"[{_BREAK}\s]*{_RENDERED}|{_BREAK}", text)
    else:
        parts = text.split(_BREAK)
        if max(map(len, parts)) > _PAGE_MAX:
            parts = [text.replace(_BREAK, "\n\n")]
    yield from enumerate(parts, 1)


class _Word:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        main = next(at for kind, at in relations(archive, "").values() if kind == "officeDocument")
        self._links = relations(archive, main)
        self._document = parsed_xml(archive.read(main))
        self._styles = Styles(self._part("styles"))

    @cached_property
    def _numbering(self) -> Numbering:
        return Numbering(self._part("numbering"))

    @cached_property
    def _notes(self) -> dict[tuple[str, str], etree._Element]:
        """By kind and id; read when the first one is referred to."""
        return {
            (kind, note.get(f"{W}id", "")): note
            for kind in ("footnote", "endnote")
            if (part := self._part(f"{kind}s")) is not None
            for note in part.iter(f"{W}{kind}")
        }

    def _part(self, kind: str) -> etree._Element | None:
        path = next((target for name, target in self._links.values() if name == kind), None)
        if path is None or path not in self._archive.namelist():
            return None
        return parsed_xml(self._archive.read(path))

    def body(self) -> Iterator[str]:
        for block in self._document.iter(f"{W}body"):
            yield from self._blocks(block)

    def margins(self) -> Iterator[str]:
        """Headers and footers, each text once: a contract's number often stands only there."""
        told: dict[str, None] = {}
        for kind, path in self._links.values():
            if kind in ("header", "footer") and path in self._archive.namelist():
                for block in self._blocks(parsed_xml(self._archive.read(path))):
                    told[block.replace(_RENDERED, "").replace(_BREAK, "")] = None
        yield from told

    def _blocks(self, parent: etree._Element) -> Iterator[str]:
        for element in parent:
            if element.tag == f"{W}p":
                yield from self._paragraph_blocks(element)
            elif element.tag == f"{W}tbl":
                yield from self._table(element)
            elif element.tag == f"{W}sdt":
                gallery = element.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery")
                if not TABLE_OF_CONTENTS.match(value_of(gallery)):
                    yield from self._blocks(element)
            elif element.tag in _REMOVED or element.tag == f"{W}sectPr":
                continue
            elif len(element):
                yield from self._blocks(element)

    def _paragraph_blocks(self, element: etree._Element) -> Iterator[str]:
        properties = element.find(f"{W}pPr")
        style = self._styles.of(properties)
        if TABLE_OF_CONTENTS.match(style.name):
            return
        text, more = self._paragraph(element)
        before = _BREAK if style.breaks_before else ""
        after = _BREAK if _ends_section(properties) else ""
        words = text.strip(" \t\n")
        if re.search(r"\w", words) is None and not words.strip(_BREAK + _RENDERED):
            yield before + words + after
        else:
            mark = self._numbering.mark(style) if style.list else ""
            breaks = words[: len(words) - len(words.lstrip(_BREAK + _RENDERED))]
            words = words[len(breaks) :]
            marked = f"{mark} {words}" if mark else words
            if style.level and not re.search(f"[{_BREAK}{_RENDERED}]", words):
                marked = heading(style.level, marked)
            yield before + breaks + marked + after
        yield from more

    def _paragraph(self, element: etree._Element) -> _Paragraph:
        parts: list[str] = []
        more: list[str] = []
        field: list[str] = []
        for node in _nodes(element):
            self._node(node, parts, more, field)
        text = "".join(parts)
        simple = (one.get(f"{W}instr", "") for one in element.iter(f"{W}fldSimple"))
        numbered = "PAGE" in field or any("PAGE" in code for code in simple)
        if numbered and len(re.sub(r"\W", "", text)) <= WORDS_IN_A_PAGE_NUMBER:
            text = ""
        return _Paragraph(text, more)

    def _node(
        self, node: etree._Element, parts: list[str], more: list[str], field: list[str]
    ) -> None:
        """Adds what a node says. `field` tells of fields: "PAGE" when one begins, "" at an end."""
        tag = node.tag.rpartition("}")[2]
        if tag == "t":
            if "PAGE" not in field[-1:]:
                text = readable(node.text or "", _font(node))
                parts.append(raised(text) if _is_raised(node) else text)
        elif tag == "sym":
            code = int(node.get(f"{W}char", "0"), 16)
            parts.append(shown(node.get(f"{W}font", ""), code))
        elif tag == "br":
            parts.append(_BREAK if node.get(f"{W}type") == "page" else "\n")
        elif tag in _SIGNS:
            parts.append(_SIGNS[tag])
        elif tag == "instrText":
            words = (node.text or "").split()
            if words and words[0] in ("PAGE", "NUMPAGES", "SECTIONPAGES"):
                field.append("PAGE")
        elif tag == "fldChar" and node.get(f"{W}fldCharType") == "end" and field:
            field.append("")
        elif tag in ("checkBox", "ddList"):
            parts.append(_chosen(node))
        elif tag in ("footnoteReference", "endnoteReference"):
            note = self._notes.get((tag.removesuffix("Reference"), node.get(f"{W}id", "")))
            more += self._blocks(note) if note is not None else ()
        elif tag == "txbxContent":
            more += self._blocks(node)
        elif tag == "docPr":
            parts.append(node.get("descr") or "")
        elif tag == "oMath":
            parts.append(formula(node))
        elif tag in ("chart", "relIds"):
            more += drawn(node, self._links, self._archive)

    def _table(self, element: etree._Element) -> Iterator[str]:
        rows: list[list[Merged]] = []
        heads = 0
        for row in element.iter(f"{W}tr"):
            properties = row.find(f"{W}trPr")
            if next(row.iterancestors(f"{W}tbl")) is not element or _has(properties, "del"):
                continue
            heads += _has(properties, "tblHeader") and heads == len(rows)
            rows.append([self._cell(cell) for cell in _cells(row)])
        cells = unmerged(rows)
        if not cells:
            return
        grid = spread(cells)
        depth = heads or header_depth(cells[0], len(grid[0]))
        breaks = "".join(sign for row in grid for text in row for sign in text if sign == _RENDERED)
        yield re.sub(f"[{_BREAK}{_RENDERED}]", " ", table(one_header(grid, depth)))
        yield breaks

    def _cell(self, cell: etree._Element) -> Merged:
        properties = cell.find(f"{W}tcPr")
        text = line(" ".join(_flat(block) for block in self._blocks(cell)))
        if properties is None:
            return Merged(text, 1, "")
        across = value_of(properties.find(f"{W}gridSpan"))
        merge = properties.find(f"{W}vMerge")
        kind = "" if merge is None else value_of(merge) or "continue"
        return Merged(text, int(across) if across.isdecimal() else 1, kind)


def _flat(block: str) -> str:
    """A table in a cell as words: a cell holds no other rows."""
    if not block.startswith("| "):
        return block
    rows = [row.strip("| ") for row in block.split("\n") if not row.startswith("| ---")]
    return "; ".join(row.replace(" | ", ", ") for row in rows)


def _cells(row: etree._Element) -> Iterator[etree._Element]:
    """Also those in content controls, without those of tables inside."""
    for cell in row.iter(f"{W}tc"):
        if next(cell.iterancestors(f"{W}tr")) is row:
            yield cell


_SIGNS = {
    "tab": " ",
    "cr": "\n",
    "noBreakHyphen": "-",
    "ptab": " ",
    "lastRenderedPageBreak": _RENDERED,
}


def _is_raised(text: etree._Element) -> bool:
    run = text.getparent()
    found = run.find(f"{W}rPr/{W}vertAlign") if run is not None else None
    return found is not None and value_of(found) == "superscript"


def _chosen(field: etree._Element) -> str:
    """What a form's box or list shows."""
    if field.tag == f"{W}checkBox":
        told = "checked" if field.find(f"{W}checked") is not None else "default"
        return "☒" if _has(field, told) else "☐"
    entries = [value_of(entry) for entry in field.iter(f"{W}listEntry")]
    chosen = value_of(field.find(f"{W}result")) or value_of(field.find(f"{W}default")) or "0"
    return entries[int(chosen)] if chosen.isdecimal() and int(chosen) < len(entries) else ""


def _font(text: etree._Element) -> str:
    run = text.getparent()
    found = run.find(f"{W}rPr/{W}rFonts") if run is not None else None
    return found.get(f"{W}ascii", "") if found is not None else ""


def _nodes(element: etree._Element) -> Iterator[etree._Element]:
    """What a paragraph's runs hold, in order, without what was deleted or is hidden.

    Of two forms of the same drawing the first is taken, and of Japanese no reading aids. Text
    boxes and formulas are not looked into.
    """
    for child in element:
        tag = child.tag
        if not isinstance(tag, str) or tag in _REMOVED - {f"{W}instrText"} or tag == f"{W}pPr":
            continue
        name = tag.rpartition("}")[2]
        if name in ("Fallback", "rt") or (tag == f"{W}r" and _is_hidden(child)):
            continue
        if name == "fldSimple" and "PAGE" in child.get(f"{W}instr", ""):
            continue
        yield child
        if name not in ("txbxContent", "oMath"):
            yield from _nodes(child)


def _is_hidden(run: etree._Element) -> bool:
    properties = run.find(f"{W}rPr")
    if properties is None:
        return False
    size = value_of(properties.find(f"{W}sz"))
    if _has(properties, "vanish") or (size.isdecimal() and int(size) <= 2):
        return True
    return value_of(properties.find(f"{W}color")).upper() == "FFFFFF" and not _is_on_colour(run)


def _is_on_colour(run: etree._Element) -> bool:
    """White letters are read where they may stand on another colour."""
    if run.find(f"{W}rPr/{W}shd") is not None or run.find(f"{W}rPr/{W}highlight") is not None:
        return True
    around = (f"{W}tc", f"{W}txbxContent", f"{W}hdr", f"{W}ftr")
    if next(run.iterancestors(*around), None) is not None:
        return True
    paragraph = next(run.iterancestors(f"{W}p"), run)
    if paragraph.find(f"{W}pPr/{W}shd") is not None:
        return True
    return run.getroottree().getroot().find(f"{W}background") is not None


def _has(properties: etree._Element | None, name: str) -> bool:
    found = properties.find(f"{W}{name}") if properties is not None else None
    return found is not None and found.get(f"{W}val", "1") not in ("0", "false", "off")


def _ends_section(properties: etree._Element | None) -> bool:
    section = properties.find(f"{W}sectPr") if properties is not None else None
    return section is not None and value_of(section.find(f"{W}type")) != "continuous"
