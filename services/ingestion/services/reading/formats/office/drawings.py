"""Charts, diagrams and formulas inside Office files, as text."""

import re
import zipfile
from collections.abc import Iterator, Mapping

from lxml import etree

from services.ingestion.services.reading.formats.office.packages import attribute, parsed_xml
from services.ingestion.services.reading.formats.symbols import readable
from services.ingestion.services.reading.markup import raised, table

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_POINTS_MAX = 10_000
_POSITIVE = re.compile(r"0*[1-9]")
# Of n-ary operators; without a sign it is an integral.
_INTEGRAL = "∫"


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


def formula(element: etree._Element) -> str:
    """A formula of Office Math on one line: (a+b)/2, x^2, √(y), x_i."""
    name = _local(element)
    if name == "t":
        return element.text or ""
    part = {_local(child): child for child in element}
    if name.endswith("Pr") or name in ("del", "moveFrom"):
        return ""
    if name == "f":
        return f"{_grouped(part.get('num'))}/{_grouped(part.get('den'))}"
    if name == "rad":
        return f"{_grouped(part.get('deg'))}√({_inner(part.get('e'))})"
    if name == "d":
        signs = {_local(one): attribute(one, "val") for one in part.get("dPr", ())}
        inside = _listed(element, "e", ", ")
        return f"{signs.get('begChr', '(')}{inside}{signs.get('endChr', ')')}"
    if name == "m":
        return _listed(element, "mr", "; ")
    if name == "mr":
        return _listed(element, "e", ", ")
    if name == "nary":
        signs = {_local(one): attribute(one, "val") for one in part.get("naryPr", ())}
        return f"{signs.get('chr', _INTEGRAL)}{_placed(part)} {_inner(part.get('e'))}"
    if name in ("sSup", "sSub", "sSubSup"):
        return f"{_inner(part.get('e'))}{_placed(part)}"
    return _inner(element)


def _listed(element: etree._Element, name: str, mark: str) -> str:
    return mark.join(formula(one) for one in element if _local(one) == name)


def _placed(part: Mapping[str, etree._Element]) -> str:
    """What stands below and above."""
    texts = ((mark, _grouped(part.get(name))) for mark, name in (("_", "sub"), ("^", "sup")))
    return "".join(f"{mark}{text}" for mark, text in texts if text)


def _grouped(element: etree._Element | None) -> str:
    text = _inner(element)
    return text if text.isalnum() or not text else f"({text})"


def _inner(element: etree._Element | None) -> str:
    return "" if element is None else "".join(map(formula, element))


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
