"""Letters of the fonts Symbol and Wingdings as the signs that they show."""

import re

# Adobe's Symbol encoding, from 0x20 and from 0xA0; parts of tall brackets are blank.
_SYMBOL_LOW = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_"
    "‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
)
_SYMBOL_HIGH = (
    "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈… —↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑           〉∫"
)
_SYMBOL = {
    **{0x20 + n: sign for n, sign in enumerate(_SYMBOL_LOW)},
    **{0xA0 + n: sign for n, sign in enumerate(_SYMBOL_HIGH)},
}
# Those that say something in a text or a table: marks, boxes, arrows and bullets.
_WINGDINGS = {
    0x28: "☎",
    0x2A: "✉",
    0x4A: "☺",
    0x4C: "☹",
    0x6C: "●",
    0x6E: "■",
    0x6F: "□",
    0x71: "❑",
    0x76: "❖",
    0x9F: "•",
    0xA7: "▪",
    0xA8: "◻",
    0xD8: "➢",
    0xDF: "←",
    0xE0: "→",
    0xE1: "↑",
    0xE2: "↓",
    0xE8: "➔",
    0xEF: "⇦",
    0xF0: "⇨",
    0xFB: "✗",
    0xFC: "✓",
    0xFD: "☒",
    0xFE: "☑",
}
_FONTS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS}
# Office keeps such a letter at its code behind this place of Unicode's private area.
_PRIVATE = 0xF000
_PRIVATE_LETTER = re.compile("[\uf000-\uf0ff]")


def is_symbols(font: str) -> bool:
    return font.lower() in _FONTS


def shown(font: str, code: int) -> str:
    """What a letter shows; nothing where no sign is like it.

    A private one of another font counts as Symbol's.
    """
    if not is_symbols(font) and not _PRIVATE <= code <= _PRIVATE + 0xFF:
        return chr(code)
    letters = _FONTS.get(font.lower(), _SYMBOL)
    return letters.get(code - _PRIVATE if code >= _PRIVATE else code, "")


def readable(text: str, font: str) -> str:
    """A text of this font in which private letters may stand."""
    return _PRIVATE_LETTER.sub(lambda found: shown(font, ord(found[0])), text)
