"""What an RTF file defines before its text: fonts with their code pages, styles, colours."""

import codecs
import re
from typing import NamedTuple

from services.ingestion.services.reading.formats.symbols import is_symbols

# Windows' character sets by number; those that are missing are the file's own.
_CHARSETS = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
}
_CODE_PAGES = {936: "gb18030", 10000: "mac_roman", 65001: "utf-8"}
_USUAL = "cp1252"
# Its number, what tells of it, its name.
_FONT = re.compile(rb"\\f(\d{1,9})((?:\\[a-z]+-?\d* ?|\{[^{}]*\}|\s)*)([^;{}\\]*)")
_CHARSET = re.compile(rb"\\fcharset(\d{1,4})")
_FONT_CODE_PAGE = re.compile(rb"\\cpg(\d{1,5})")
_STYLE = re.compile(rb"\{\s*\\s(\d{1,9})(?![0-9])((?:[^{};]|\{[^{}]*\})*);")
_LEVEL = re.compile(rb"\\outlinelevel([0-8])")
_STYLE_NAME = re.compile(rb"(?:\\[a-z]+-?\d* ?|\{[^{}]*\}|\s)*")
_HEADING = re.compile(r"heading ?([1-9])")
_WHITE = re.compile(rb"\\red255|\\green255|\\blue255")


class Font(NamedTuple):
    """`symbols` is the name of a font whose letters are signs, else empty."""

    encoding: str
    symbols: str = ""


class Style(NamedTuple):
    """Of paragraphs: `level` is 0 for what is no heading."""

    level: int
    name: str


def encoding_of(code_page: int) -> str:
    name = _CODE_PAGES.get(code_page, f"cp{code_page}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return _USUAL


def fonts_of(table: bytes, encoding: str) -> dict[int, Font]:
    """By number. `encoding` is the file's."""
    fonts = {}
    for number, told, name in _FONT.findall(table):
        charset, code_page = _CHARSET.search(told), _FONT_CODE_PAGE.search(told)
        own = _CHARSETS.get(int(charset[1]), encoding) if charset else encoding
        named = name.decode("ascii", "replace").strip()
        fonts[int(number)] = Font(
            encoding_of(int(code_page[1])) if code_page else own,
            named if is_symbols(named) else "",
        )
    return fonts


def styles_of(sheet: bytes) -> dict[int, Style]:
    styles = {}
    for number, told in _STYLE.findall(sheet):
        name = _STYLE_NAME.sub(b"", told, count=1).decode("ascii", "replace").strip().lower()
        level, heading = _LEVEL.search(told), _HEADING.match(name)
        styles[int(number)] = Style(
            int(heading[1]) if heading else int(level[1]) + 1 if level else 0, name
        )
    return styles


def white_of(table: bytes) -> frozenset[int]:
    """The numbers of the colours that are white."""
    colours = enumerate(table.split(b";"))
    return frozenset(number for number, told in colours if len(_WHITE.findall(told)) == 3)
