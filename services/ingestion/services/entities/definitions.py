"""What a text says it is about: terms that it defines, and the subject of its opening."""

import re
from collections.abc import Iterator
from itertools import chain

from contracts.ingestion.entity_name import fold
from services.ingestion.services.entities.function_words import POINTERS
from services.ingestion.services.entities.names import unnumbered

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
