"""What a Word file says about its paragraphs elsewhere: levels of headings, numbers of lists."""

import re
from collections import defaultdict
from typing import NamedTuple

from lxml import etree

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_BASES_MAX = 10
# Names of the paragraphs of a list that repeats the headings.
TABLE_OF_CONTENTS = re.compile(r"(?i)toc ?\d|table of (figures|contents)")
# Beside a page's number, in a paragraph that says nothing else.
WORDS_IN_A_PAGE_NUMBER = 12
# A file without styles still names them by the ids that Word gives.
_HEADING = re.compile(r"heading ?([1-9])")
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)


class Style(NamedTuple):
    """`level` is 0 for what is no heading; `list` and `depth` name an entry of the numbering."""

    name: str = ""
    level: int = 0
    list: str = ""
    depth: int = 0
    breaks_before: bool = False


def value_of(element: etree._Element | None) -> str:
    return element.get(f"{W}val", "") if element is not None else ""


class Styles:
    def __init__(self, part: etree._Element | None) -> None:
        found = part.iter(f"{W}style") if part is not None else ()
        self._by_id = {style.get(f"{W}styleId", ""): style for style in found}

    def of(self, properties: etree._Element | None) -> Style:
        """Of a paragraph: its own properties come before those of its style, and of that's base."""
        told = [properties] if properties is not None else []
        name = ""
        named = value_of(properties.find(f"{W}pStyle")) if properties is not None else ""
        for _ in range(_BASES_MAX):
            style = self._by_id.get(named)
            if style is None:
                name = name or named.lower()
                break
            name = name or value_of(style.find(f"{W}name")).lower()
            own = style.find(f"{W}pPr")
            told += [own] if own is not None else []
            named = value_of(style.find(f"{W}basedOn"))
        level = _first(told, "outlineLvl")
        return Style(
            name,
            _level(name, level),
            _first(told, "numPr", "numId"),
            int(_first(told, "numPr", "ilvl") or 0),
            any(
                one.get(f"{W}val", "1") not in ("0", "false")
                for properties in told[:1]
                for one in properties.iter(f"{W}pageBreakBefore")
            ),
        )


def _first(told: list[etree._Element], *path: str) -> str:
    wanted = "/".join(f"{W}{name}" for name in path)
    return next((value for one in told if (value := value_of(one.find(wanted)))), "")


def _level(name: str, outline: str) -> int:
    """Levels count from 1; an outline level of 9 is that of text."""
    if name == "title":
        return 1
    if numbered := _HEADING.fullmatch(name):
        return int(numbered[1])
    return int(outline) + 1 if outline.isdecimal() and int(outline) < 9 else 0


class _Level(NamedTuple):
    form: str
    text: str
    start: int


class Numbering:
    """Counts as Word does: each list, and each of its levels, on its own."""

    def __init__(self, part: etree._Element | None) -> None:
        self._lists: dict[str, str] = {}
        self._levels: dict[str, dict[int, _Level]] = {}
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        if part is None:
            return
        for one in part.iter(f"{W}abstractNum"):
            levels = {int(level.get(f"{W}ilvl", 0)): _read(level) for level in one.iter(f"{W}lvl")}
            self._levels[one.get(f"{W}abstractNumId", "")] = levels
        for one in part.iter(f"{W}num"):
            self._lists[one.get(f"{W}numId", "")] = value_of(one.find(f"{W}abstractNumId"))

    def mark(self, style: Style) -> str:
        """`2.1`, `a)` or `-` before an item; empty for what is none. A heading has no bullet."""
        levels = self._levels.get(self._lists.get(style.list, ""), {})
        level = levels.get(style.depth)
        if style.list in ("", "0") or level is None:
            return ""
        if level.form in ("bullet", "none"):
            return "" if style.level or level.form == "none" else f"{'  ' * style.depth}-"
        counts = self._counts[self._lists[style.list]]
        counts[style.depth] = counts.get(style.depth, level.start - 1) + 1
        for deeper in [depth for depth in counts if depth > style.depth]:
            del counts[deeper]
        text = level.text
        for depth, above in levels.items():
            number = _numeral(counts.get(depth, above.start), above.form)
            text = text.replace(f"%{depth + 1}", number)
        return text if style.level else f"{'  ' * style.depth}{text}"


def _read(level: etree._Element) -> _Level:
    start = value_of(level.find(f"{W}start"))
    return _Level(
        value_of(level.find(f"{W}numFmt")) or "decimal",
        value_of(level.find(f"{W}lvlText")),
        int(start) if start.isdecimal() else 1,
    )


def _numeral(number: int, form: str) -> str:
    if form in ("lowerLetter", "upperLetter"):
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter.upper() if form == "upperLetter" else letter
    if form in ("lowerRoman", "upperRoman"):
        digits = ""
        for value, sign in _ROMAN:
            digits += sign * (number // value)
            number %= value
        return digits.upper() if form == "upperRoman" else digits
    return f"{number:02}" if form == "decimalZero" else str(number)
