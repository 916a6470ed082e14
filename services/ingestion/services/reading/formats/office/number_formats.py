"""Numbers of a spreadsheet as they are shown (ECMA-376 part 1, 18.8.31)."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from operator import eq, ge, gt, le, lt, ne

# Formats that a file names by number only; those of dates differ between countries, so ISO stands
# for them.
BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    37: "#,##0 ;(#,##0)",
    38: "#,##0 ;(#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
}
_TOKEN = re.compile(
    r'"([^"]*)"|\\(.)|_.|\*.|\[\$([^\]-]*)[^\]]*\]|(\[(?:h+|m+|s+)\])|\[[^\]]*\]'
    r"|(General|AM/PM|A/P|y+|m+|d+|h+|s+(?:\.0+)?|E[+-]0+|[#0?,]+(?:\.[#0?]*)?|\.[#0?]+|/)|(.)",
    re.I | re.S,
)
# Such as `[<=9999999]###-####;(###) ###-####`.
_CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)\]")
_COMPARED = {"<": lt, "<=": le, ">": gt, ">=": ge, "=": eq, "<>": ne}
_SIGNED = re.compile(r"(?:\[[^\]]*\])*[\\\"]?[-(]")
_MONTHS = "January February March April May June July August September October November December"
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_FRACTION_MAX = 999


def shown(value: float, form: str, *, since_1904: bool = False) -> str:
    """`value` in a format such as `#,##0.00 "EUR"`; a number of days where it is a date's."""
    chosen, value = _chosen(_sections(form or "General"), value)
    if not chosen:
        return ""
    tokens = list(_TOKEN.finditer(chosen))
    codes = [(token[4] or token[5] or "").lower() for token in tokens]
    if any(code[:1] in ("y", "d", "h", "s", "[") or code[:2] == "mm" for code in codes if code):
        return _date(value, tokens, codes, since_1904=since_1904)
    return _number(value, tokens, codes)


def general(value: float) -> str:
    """Fifteen digits, as no format: 0.1 + 0.2 is 0.3."""
    return format(value, ".15g").upper()


def _sections(form: str) -> Sequence[str]:
    """An empty one shows nothing."""
    return re.findall(r'((?:"[^"]*"|\\.|[^;"\\])*);', f"{form};")


def _chosen(sections: Sequence[str], value: float) -> tuple[str, float]:
    """The section for the value, and the value without a sign that the section itself writes."""
    conditions = [_CONDITION.search(section) for section in sections]
    if any(conditions):
        held = (
            section
            for section, found in zip(sections, conditions, strict=True)
            if found is None or _COMPARED[found[1]](value, float(found[2]))
        )
        chosen = next(held, sections[-1])
        return chosen, abs(value) if _SIGNED.match(chosen) else value
    if len(sections) > 1 and value < 0:
        return sections[1], -value
    return sections[2 if len(sections) > 2 and value == 0 else 0], value


def _literal(token: re.Match[str]) -> str:
    if token[0][0] in "_*" and len(token[0]) == 2:
        return " " if token[0][0] == "_" else ""
    return token[1] or token[2] or token[3] or token[6] or ""


def _number(value: float, tokens: Sequence[re.Match[str]], codes: Sequence[str]) -> str:
    digits = [n for n, code in enumerate(codes) if code[:1] in ("#", "0", "?", ",", ".")]
    if "general" in codes or not digits:
        pairs = zip(tokens, codes, strict=True)
        parts = [general(value) if code == "general" else _literal(token) for token, code in pairs]
        return "".join(parts).strip() or general(value)
    if "/" in codes:
        return _fraction(value)
    percent = sum(token[6] == "%" for token in tokens)
    pattern = "".join(codes[n] for n in digits)
    scaled = Decimal(repr(value)) * 100**percent / 1000 ** (len(pattern) - len(pattern.rstrip(",")))
    scientific = any(code[:1] == "e" for code in codes)
    places = len(pattern.partition(".")[2])
    body = f"{abs(float(scaled)):.{places}E}" if scientific else _digits(scaled, pattern)
    groups = dict(zip(reversed(digits), _groups(body, [codes[n] for n in digits]), strict=True))
    text = "".join(
        groups[n] if n in groups else "" if code else _literal(token)
        for n, (token, code) in enumerate(zip(tokens, codes, strict=True))
    ).strip()
    return f"-{text}" if value < 0 and any(map(str.isdigit, text)) else text


def _groups(body: str, patterns: Sequence[str]) -> Iterator[str]:
    """The digits of a telephone number between its signs, from the last group to the first."""
    for pattern in reversed(patterns[1:]):
        yield body[-len(pattern) :]
        body = body[: -len(pattern)]
    yield body


def _digits(value: Decimal, pattern: str) -> str:
    whole, _, fraction = pattern.rstrip(",").partition(".")
    least = fraction.count("0") + fraction.count("?")
    rounded = abs(value).quantize(Decimal(1).scaleb(-len(fraction)), ROUND_HALF_UP)
    before, _, after = f"{rounded:f}".partition(".")
    while len(after) > least and after.endswith("0"):
        after = after[:-1]
    before = before.rjust(whole.count("0"), "0") if before != "0" or "0" in whole else ""
    if "," in whole:
        before = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", before)
    return f"{before}.{after}" if after else before or "0"


def _fraction(value: float) -> str:
    """Mixed numbers with denominators of up to three digits."""
    whole, part = divmod(abs(value), 1)
    near = Fraction(part).limit_denominator(_FRACTION_MAX if part * 100 % 1 else 99)
    if near == 1:
        whole, near = whole + 1, Fraction(0)
    parts = f"{whole:.0f}" if whole or not near else "", str(near) if near else ""
    text = " ".join(filter(None, parts))
    return f"-{text}" if value < 0 else text


def _date(
    value: float, tokens: Sequence[re.Match[str]], codes: Sequence[str], *, since_1904: bool
) -> str:
    """Days since 1899-12-30, which makes up for a 29 February 1900 that never was."""
    start = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
    try:
        when = start + timedelta(seconds=round(value * 86400, 3))
    except OverflowError:
        return general(value)
    twelve = any(code in ("am/pm", "a/p") for code in codes)
    parts = []
    for n, (token, code) in enumerate(zip(tokens, codes, strict=True)):
        near = [*filter(None, codes[:n])][-1:], [*filter(None, codes[n + 1 :])][:1]
        parts.append(_moment(code, when, value, twelve, *near) if code else _literal(token))
    return "".join(parts).strip()


def _moment(
    code: str, when: datetime, value: float, twelve: bool, before: list[str], after: list[str]
) -> str:
    kind = code[0]
    hour = (when.hour % 12 or 12) if twelve else when.hour
    if kind == "[":
        per_day = {"h": 24, "m": 1440, "s": 86400}[code[1]]
        return str(int(value * per_day + 1e-6)).rjust(len(code) - 2, "0")
    if (
        kind == "m"
        and len(code) < 3
        and ((before and before[-1].strip("[]")[:1] == "h") or (after and after[0][:1] == "s"))
    ):
        return str(when.minute).rjust(len(code), "0")
    if code in ("am/pm", "a/p"):
        return "AM" if when.hour < 12 else "PM"
    if kind == "s":
        seconds = str(when.second).rjust(min(len(code), 2), "0")
        return f"{seconds}.{when.microsecond // 1000:03}" if "." in code else seconds
    names = {"m": _MONTHS.split()[when.month - 1], "d": _DAYS.split()[when.weekday()]}
    if kind in names and len(code) > 2:
        return names[kind] if len(code) == 4 else names[kind][:3]
    numbers = {"m": when.month, "d": when.day, "h": hour}
    if kind == "y":
        return f"{when.year:04}" if len(code) > 2 else f"{when.year % 100:02}"
    return str(numbers[kind]).rjust(min(len(code), 2), "0") if kind in numbers else ""
