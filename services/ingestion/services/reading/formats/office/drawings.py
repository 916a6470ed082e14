"""Charts and diagrams inside Office files, as text."""

import re
import zipfile
from collections.abc import Iterator, Mapping

from lxml import etree

from services.ingestion.services.reading.formats.formulas import formula
from services.ingestion.services.reading.formats.office.packages import attribute, parsed_xml
from services.ingestion.services.reading.formats.symbols import readable
from services.ingestion.services.reading.markup import raised, table

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_POINTS_MAX = 10_000
_POSITIVE = re.compile(r"0*[1-9]")


def drawn(
    node: etree._Element, links: Mapping[str, tuple[str, str]], archive: zipfile.ZipFile
) -> Iterator[str]:
    """What a `chart` or a `relIds` refers to: a chart's title and table, or a diagram's words."""
    kind, path = links.get(attribute(node, "dm") or attribute(node, "id"), ("", ""))
    if path in archive.namelist():
        part = parsed_xml(archive.read(path))
        if kind == "chart":
            yield from _chart(part)
        else:
            yield "\n".join(paragraphs(part))


def paragraphs(parent: etree._Element) -> Iterator[str]:
    """Those of DrawingML that hold text."""
    for paragraph in parent.iter(f"{_A}p"):
        parts = []
        for node in paragraph:
            name = _local(node)
            if name == "br":
                parts.append("\n")
            elif name in ("r", "fld"):
                parts.append(_run(node))
            else:
                found = [formula(one) for one in node.iter("{*}oMath")]
                parts += found or [text.text or "" for text in node.iter("{*}t")]
        text = "".join(parts).replace("\x0b", "\n").strip()
        if text:
            yield text


def _run(run: etree._Element) -> str:
    properties = run.find(f"{_A}rPr")
    if properties is None:
        return run.findtext(f"{_A}t") or ""
    font = properties.find(f"{_A}sym")
    text = readable(run.findtext(f"{_A}t") or "", "" if font is None else font.get("typeface", ""))
    return raised(text) if _POSITIVE.match(properties.get("baseline", "")) else text


def _local(element: etree._Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _chart(part: etree._Element) -> Iterator[str]:
    """Its title, and what it draws as a table: categories down, series across."""
    for title in part.iter("{*}title"):
        yield "\n".join(paragraphs(title))
    columns: list[dict[int, str]] = []
    for series in part.iter("{*}ser"):
        name = " ".join(_cached(series.find("{*}tx")).values())
        if not columns:
            columns.append(_cached(next(series.iter("{*}cat", "{*}xVal"), None)))
        columns.append({-1: name} | _cached(next(series.iter("{*}val", "{*}yVal"), None)))
    places = sorted({-1, *(place for column in columns for place in column)})
    yield table([[column.get(place, "") for column in columns] for place in places])


def _cached(element: etree._Element | None) -> dict[int, str]:
    """Values by their places: those without one are left out. Of categories in levels the last."""
    if element is None:
        return {}
    level = next(element.iter("{*}lvl"), element)
    points = [
        (int(point.get("idx", n)), point.findtext("{*}v") or "")
        for n, point in enumerate(level.iter("{*}pt"))
    ]
    alone = [(0, text.text or "") for text in level.iter("{*}v")]
    return {place: text for place, text in points or alone if place < _POINTS_MAX}
