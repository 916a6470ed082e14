"""Data as text: JSON, JSON lines, notebooks, XML and YAML; what was structure reads as such."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from html.entities import html5
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.decoding import decode, tidy
from services.ingestion.services.reading.formats.html import (
    declared_encoding,
    markdown_of,
    read_html,
)
from services.ingestion.services.reading.formats.office.packages import parsed_xml
from services.ingestion.services.reading.formats.tables import is_number
from services.ingestion.services.reading.markup import fenced, heading, joined, line, table, tidied

_HEADINGS_MAX = 4
_COLUMNS_MAX = 20
_ROW_MAX = 400


def read_json(body: bytes) -> Parsed:
    """Numbers keep their digits. What is no JSON after all, such as JSON with remarks, is text."""
    text = decode(body)
    try:
        value = _value(text)
    except ValueError:
        return Parsed(tidy(text), markdown=False)
    return _data(value)


def read_json_lines(body: bytes) -> Parsed:
    """A line that is no JSON stays as it is."""
    found: list[Any] = []
    for text in filter(str.strip, decode(body).split("\n")):
        try:
            found.append(_value(text))
        except ValueError:
            found.append(text.strip())
    return _data(found)


def _value(text: str) -> Any:
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _data(value: Any) -> Parsed:
    return Parsed(tidied(joined(_blocks(value, 1))), markdown=True)


def _blocks(value: Any, level: int) -> Iterator[str]:
    """Values before what has parts; a part's name is a heading as long as there are levels."""
    if isinstance(value, Mapping):
        yield "\n".join(f"{key}: {_told(one)}" for key, one in value.items() if _is_flat(one))
        columns = _columns(value)
        for key, one in value.items():
            if _is_flat(one):
                continue
            if level <= _HEADINGS_MAX:
                yield heading(level, str(key))
                yield from _rows(one, columns) or _blocks(one, level + 1)
            else:
                yield "\n".join(_lines({key: one}))
    elif isinstance(value, list):
        records = _records(value)
        if records:
            yield table(records)
            return
        if rows := _rows(value, []):
            yield from rows
            return
        for one in value:
            if isinstance(one, list):
                yield "\n".join(_lines([one]))
            else:
                yield "\n".join(_lines(one)) if isinstance(one, Mapping) else _told(one)
    else:
        yield _told(value)


def _is_flat(value: Any) -> bool:
    """One value, or a few that fit on a line."""
    if isinstance(value, list):
        return all(not isinstance(one, Mapping | list) for one in value)
    return not isinstance(value, Mapping)


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_told, value))
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def _lines(value: Any, margin: str = "") -> Iterator[str]:
    """What lies deeper stands further in."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            if _is_flat(one):
                yield f"{margin}{key}: {_told(one)}"
            else:
                yield f"{margin}{key}:"
                yield from _lines(one, margin + "  ")
    elif isinstance(value, list):
        for one in value:
            first, *rest = (
                _lines(one, margin + "  ") if not _is_flat(one) else [margin + "  " + _told(one)]
            )
            yield from (f"{margin}- {first.lstrip()}", *rest)
    else:
        yield margin + _told(value)


def _width(value: Any) -> int:
    """Of a list of rows, each a list of as many single values; else 0."""
    if not isinstance(value, list) or len(value) < 2:
        return 0
    widths = {len(one) if isinstance(one, list) and _is_flat(one) else 0 for one in value}
    width = widths.pop()
    return width if not widths and 1 < width <= _COLUMNS_MAX else 0


def _rows(value: Any, columns: list[str]) -> list[str]:
    """A table of a list of rows, where the columns have names: these, or those in the first row."""
    width = _width(value)
    rows = [list(map(_told, row)) for row in value] if width else []
    if width and len(columns) == width:
        return [table([columns, *rows])]
    return [table(rows)] if width and _names(value[0]) else []


def _columns(beside: Mapping[str, Any]) -> list[str]:
    """Names of the columns of the only rows there; none where it is not sure which they are."""
    widths = [width for one in beside.values() if (width := _width(one))]
    if len(widths) != 1:
        return []
    names = [found for one in beside.values() if len(found := _names(one)) == widths[0]]
    return names[0] if len(names) == 1 else []


def _names(value: Any) -> list[str]:
    """Different words, as they are or each as the `name` of a column; else nothing."""
    if not isinstance(value, list):
        return []
    found = [one.get("name") if isinstance(one, Mapping) else one for one in value]
    words = [one for one in found if isinstance(one, str) and one.strip() and not is_number(one)]
    return words if len(set(words)) == len(value) else []


def _records(values: Sequence[Any]) -> list[list[str]]:
    """As a table, if all are alike and short; else nothing."""
    if len(values) < 2 or not all(isinstance(one, Mapping) for one in values):
        return []
    keys = list(dict.fromkeys(key for one in values for key in one))
    cells = sum(len(one) for one in values)
    if not 0 < len(keys) <= _COLUMNS_MAX or cells * 2 < len(keys) * len(values):
        return []
    if not all(_is_flat(value) for one in values for value in one.values()):
        return []
    rows = [[_told(one[key]) if key in one else "" for key in keys] for one in values]
    letters = sum(len(cell) for row in rows for cell in row)
    return [list(map(str, keys)), *rows] if letters <= _ROW_MAX * len(rows) else []


def read_notebook(body: bytes) -> Parsed:
    """Cells in order, each with what it printed."""
    book = json.loads(decode(body))
    sheets = book.get("worksheets") or [book]
    cells = [cell for sheet in sheets for cell in sheet["cells"]]
    return Parsed(tidied(joined(text for cell in cells for text in _cell(cell))), markdown=True)


def _cell(cell: Mapping[str, Any]) -> Iterator[str]:
    source = _source(cell.get("source", cell.get("input", "")))
    if cell.get("cell_type") != "code":
        yield source
        return
    yield fenced(source)
    for output in cell.get("outputs", ()):
        data = output.get("data", output)
        if output.get("output_type") in ("error", "pyerr"):
            yield f"{output.get('ename')}: {output.get('evalue')}"
        elif "text/markdown" in data:
            yield _source(data["text/markdown"])
        elif "text/html" in data:
            yield markdown_of(_source(data["text/html"]))
        else:
            yield fenced(_source(data.get("text/plain", data.get("text", ""))))


def _source(text: str | Iterable[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def read_yaml(body: bytes) -> Parsed:
    """As it is written: its remarks say why a setting is there."""
    return Parsed(tidy(decode(body)), markdown=False)


# A page in an element, as feeds have them; a sign of markup alone is text.
_MARKUP = re.compile(
    r"\s*<(p|div|ul|ol|table|h[1-6]|section|article|blockquote)\b.*</\1>\s*", re.I | re.S
)
_PROLOG = re.compile(r"^\s*<\?xml[^>]*\?>")
_PAGE = re.compile(r"(?i)(?:\s|<\?[^>]*>|<!--.*?-->)*(?:<!doctype html|<html\b)", re.S)


_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*\[.*?\]\s*>", re.S)
_ENTITY = re.compile(r"""<!ENTITY\s+([\w.:-]+)\s+(?:"([^"]*)"|'([^']*)')\s*>""")
# Nothing is a reference inside CDATA.
_REFERENCE = re.compile(r"<!\[CDATA\[.*?\]\]>|&([A-Za-z_][\w.:-]*);", re.S)
# Attributes within a text that say how it looks, where it leads or what it is called.
_LOOKS = re.compile("class|style|id|rend|rendition|role|href|target|src|type|lang|space")
_PREDEFINED = frozenset(("", "amp", "lt", "gt", "quot", "apos"))
# Entities may name entities; no text needs more, and no expansion may add more letters.
_ENTITY_DEPTH, _EXPANDED_MAX = 3, 1024 * 1024


def read_xml(body: bytes) -> Parsed:
    """Elements with their attributes; broken XML is read as the text that it is."""
    text = decode(body, declared_encoding(body))
    if _PAGE.match(text):
        return read_html(body)
    try:
        root = parsed_xml(_expanded(_PROLOG.sub("", text)).encode(), recover=False)
    except etree.XMLSyntaxError:
        return Parsed(tidy(text), markdown=False)
    return _data({_name(root): _element(root)})


def _expanded(text: str) -> str:
    """With the values of the entities that the file or HTML names; other names stay as written.

    Nothing outside the file is fetched.
    """
    doctype = _DOCTYPE.search(text)
    start = doctype.end() if doctype else 0
    found = _ENTITY.findall(text[:start])
    values = {name: one or other for name, one, other in found}
    rest = text[start:]
    for _ in range(_ENTITY_DEPTH):
        names = Counter(_REFERENCE.findall(rest))
        if sum(len(values.get(name, "")) * count for name, count in names.items()) > _EXPANDED_MAX:
            values = {}
        if not names.keys() - _PREDEFINED:
            return text[:start] + rest
        rest = _REFERENCE.sub(partial(_entity, values), rest)
    return text[:start] + _REFERENCE.sub(partial(_entity, {}), rest)


def _entity(values: Mapping[str, str], found: re.Match[str]) -> str:
    name = found[1]
    if name is None or name in _PREDEFINED:
        return found[0]
    if name in values:
        return values[name]
    sign = html5.get(f"{name};")
    return escape(sign) if sign else f"&amp;{name};"


def _name(element: etree._Element) -> str:
    return str(etree.QName(element).localname)


def _element(element: etree._Element) -> Any:
    """A text, or attributes and parts by name; parts of the same name are a list.

    Text with elements inside of it is one text, and their attributes stand behind their words.
    """
    parts = [child for child in element if isinstance(child.tag, str)]
    attributes = _attributes(element)
    own = [element.text, *(child.tail for child in element)]
    if not parts or any(text and text.strip() for text in own):
        text = line(_running(element)) if parts else (element.text or "").strip()
        if _MARKUP.fullmatch(text):
            text = markdown_of(text)
        if not attributes:
            return text
        return {**attributes, "text": text} if text else attributes
    found: dict[str, Any] = dict(attributes)
    for child in parts:
        name, value = _name(child), _element(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], _Several):
            found[name].append(value)
        else:
            found[name] = _Several([found[name], value])
    return found


def _attributes(element: etree._Element) -> dict[str, str]:
    return {str(etree.QName(key).localname): str(value) for key, value in element.attrib.items()}


def _running(element: etree._Element) -> str:
    texts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            told = _attributes(child).items()
            said = "; ".join(
                f"{name}: {value}" for name, value in told if not _LOOKS.fullmatch(name)
            )
            texts += [_running(child), f" ({said})" if said else ""]
        texts.append(child.tail or "")
    return "".join(texts)


class _Several(list[Any]):
    """Parts of the same name."""
