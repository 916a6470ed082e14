"""What a text says it is about: what it defines, its opening's subject, what it abbreviates."""

import re
from collections.abc import Iterator
from itertools import chain

from contracts.ingestion.entity_name import fold, words_of

# fmt: off
# A sentence about one of these is about something that was named before.
POINTERS = frozenset((
    "it", "this", "that", "these", "those", "there", "here", "he", "she", "they", "we", "you",
    "i", "what", "which", "who", "one", "some", "many", "most", "all", "es", "dies", "er",
    "sie", "wir", "das", "ce", "c", "il", "elle", "nous", "on", "esto", "eso", "este", "esta",
    "el", "ella", "questo",
))
# fmt: on
_DETERMINER = (
    r"(?:an?|the|one|any|ein(?:e[rsmn]?)?|der|die|das|une?|l[eao]s?|el|un[ao]?|uma?|il|een)"
)
_IS = r"(?:is|are|was|were|ist|sind|war|waren|est|sont|était|es|son|era|fue|è|sono|é|são|foi|zijn)"
_NAME = r"[^\W\d_][^,.;:!?()\[\]\"“”\n]{0,78}?"
_ASIDE = r"(?:\s*\([^()\n]{1,300}\))?"
_RELATIVE = r"(?:,[^,.;\n]{1,120},)?"
_OPENING = re.compile(
    rf"\W*(?:(?i:{_DETERMINER})\s+)?({_NAME}|\d[^,.;:!?()\n]{{2,78}}?){_ASIDE}"
    rf"(?:{_RELATIVE}\s+{_IS}\s+{_DETERMINER}\s|,\s+(?:an?|the|one)\s)"
)
# `Ada Lovelace (born …`, with nothing but capitalised words before the bracket.
_INTRODUCED = re.compile(r"\W*((?:[^\W\d_a-z][\w.'’-]*\s+){2,5})\(")
_TERM = re.compile(
    r"\b[Tt]he (?:term|word|phrase|expression|name) (?:[\"“«'‘]([^\"”»'’\n]{2,60})[\"”»'’]"
    r"|([\w][\w -]{1,58}?)) (?:means|refers|denotes|describes|is)\b"
    r"|[\"“]([^\"”\n]{2,60})[\"”] (?:means|refers to|denotes|is defined as)\b"
)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.{2,120}?)[ \t]*#*$", re.MULTILINE)
_LEAD = re.compile(
    r"^[ \t]*(?:[-*+][ \t]+)?(?:\*\*|__)(.{2,60}?)"
    r"(?::(?:\*\*|__)|(?:\*\*|__)[ \t]*(?:[:–—-]|is\b|are\b|means\b))",
    re.MULTILINE,
)
_BRACKET = re.compile(r"\(([^\W\d_](?:[^\W_]|[.&/-]){1,9})\)")
_REACH = 120
_QUALIFIER = re.compile(r"\s*\([^()]*\)\s*$")
# Markdown writes a number that begins no list as `1\.`
_NUMBERING = re.compile(r"(?:\d+\\?\.)+\d*\s+|\d+\\?\)\s+")


def terms_in(text: str) -> Iterator[str]:
    """Folded names that the text marks as defined: headings, bold leads, `the term X means`."""
    for heading in _HEADING.finditer(text):
        yield fold(unnumbered(heading[1]))
    for match in chain(_LEAD.finditer(text), _TERM.finditer(text)):
        yield fold(next(filter(None, match.groups()), ""))


def subjects_of(text: str) -> Iterator[str]:
    """Folded names that the first sentence says something about: `X is a …`, `Ada X (born …)`."""
    for opening in (_OPENING.match(text), _INTRODUCED.match(text)):
        name = fold(opening[1]) if opening else ""
        if name.split(" ", 1)[0] not in POINTERS:
            yield name


def abbreviations_in(text: str) -> Iterator[tuple[str, str]]:
    """Pairs (short, long), folded: the words before the bracket hold its letters, in order.

    Schwartz and Hearst, A simple algorithm for identifying abbreviation definitions, PSB 2003.
    """
    for match in _BRACKET.finditer(text):
        letters = [c for c in match[1].casefold() if c.isalnum()]
        if sum(c.isupper() for c in match[1]) < 2:
            continue
        long = _long_form(letters, text[max(0, match.start() - _REACH) : match.start()])
        if long:
            yield fold(match[1]), fold(long)


def _long_form(letters: list[str], before: str) -> str:
    """The shortest end of `before` that holds the letters in order, the first one as an initial."""
    words = words_of(before)
    if not words or words[-1].end < len(before.rstrip()):
        return ""
    at = len(before)
    for place in range(len(letters) - 1, -1, -1):
        at -= 1
        while at >= 0 and not _fits(before, at, letters[place], initial=place == 0):
            at -= 1
        if at < 0:
            return ""
    long = before[at:]
    return long if len(words_of(long)) <= len(letters) + 3 else ""


def _fits(text: str, at: int, letter: str, *, initial: bool) -> bool:
    return text[at].casefold() == letter and not (initial and at and text[at - 1].isalnum())


def unqualified(name: str) -> str:
    """`Mercury (planet)` is also called `Mercury`."""
    return _QUALIFIER.sub("", name)


def unnumbered(heading: str) -> str:
    """`3.2 Refunds` and `4) Refunds` are about `Refunds`."""
    return _NUMBERING.sub("", heading, count=1) if _NUMBERING.match(heading) else heading
