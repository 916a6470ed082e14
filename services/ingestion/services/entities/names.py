"""What is left of a title or a heading as the name of something."""

import re

WORDS_MAX = 8
_QUALIFIER = re.compile(r"\s*\([^()]*\)\s*$")
# Markdown writes a number that begins no list as `1\.`
_NUMBERING = re.compile(r"(?:\d+\\?\.)+\d*\s+|\d+\\?\)\s+")


def unqualified(name: str) -> str:
    """`Mercury (planet)` is also called `Mercury`."""
    return _QUALIFIER.sub("", name)


def unnumbered(heading: str) -> str:
    """`3.2 Refunds` and `4) Refunds` are about `Refunds`."""
    return _NUMBERING.sub("", heading, count=1) if _NUMBERING.match(heading) else heading
