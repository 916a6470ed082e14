"""Formulas of Office Math and of MathML on one line: (a+b)/2, x^2, √(y), x_i."""

from collections.abc import Mapping, Sequence

from lxml import etree

from services.ingestion.services.reading.formats.office.packages import attribute

# Of n-ary operators; without a sign it is an integral.
_INTEGRAL = "∫"
# Of MathML: the same formula once more, in another language.
_NOTES = ("annotation", "annotation-xml")
_PLACES = {
    "msup": "^",
    "mover": "^",
    "msub": "_",
    "munder": "_",
    "msubsup": "_^",
    "munderover": "_^",
}


def formula(element: etree._Element) -> str:
    """Of Office Math."""
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
    return _bracketed(_inner(element))


def _bracketed(text: str) -> str:
    return text if text.isalnum() or not text else f"({text})"


def _inner(element: etree._Element | None) -> str:
    return "" if element is None else "".join(map(formula, element))


def mathml(element: etree._Element) -> str:
    name = _local(element).lower()
    parts = [mathml(child) for child in element if _local(child) not in _NOTES]
    if not parts:
        return " ".join((element.text or "").split())
    if name == "semantics":
        return parts[0]
    if name == "msqrt":
        return f"√({''.join(parts)})"
    if name == "mfenced":
        inside = ", ".join(parts)
        return f"{element.get('open', '(')}{inside}{element.get('close', ')')}"
    if name in ("mtable", "mtr"):
        return {"mtable": "; ", "mtr": ", "}[name].join(parts)
    return _arranged(name, parts) or "".join(parts)


def _arranged(name: str, parts: Sequence[str]) -> str:
    """Parts whose place is their meaning; empty for others."""
    first, *rest = parts
    others = [_bracketed(part) for part in rest]
    if name == "mfrac" and len(others) == 1:
        return f"{_bracketed(first)}/{others[0]}"
    if name == "mroot" and len(others) == 1:
        return f"{others[0]}√({first})"
    marks = _PLACES.get(name, "")
    if marks and len(others) == len(marks):
        return first + "".join(f"{mark}{part}" for mark, part in zip(marks, others, strict=True))
    return ""


def _local(element: etree._Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
