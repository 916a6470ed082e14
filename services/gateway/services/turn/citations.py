"""Checks an answer's citations while it streams: text is held back from `[` to `]`."""

import re
from collections.abc import Collection

# What a model writes for a citation: [1], [1, 3], [1; 3]. The blanks before it go with it.
_CITED = re.compile(r"([ \t]*)\[([^\[\]\n]{1,40})\]")
_NUMBERS = re.compile(r"\s*\d{1,4}(?:\s*[,;]\s*\d{1,4})*\s*")
# The end of a text that may still become a citation.
_OPEN = re.compile(r"[ \t]+(?:\[[^\[\]\n]{0,40})?\Z|\[[^\[\]\n]{0,40}\Z")


class Citations:
    """One an answer. However the text is cut into pieces, the output is the same.

    A citation of several sources becomes one bracket each. Numbers that no source has are left
    out; so is a citation without any number left, with the blanks before it.
    """

    def __init__(self, known: Collection[int]) -> None:
        self._known = known
        self._held = ""
        self._cited: dict[int, None] = {}

    @property
    def cited(self) -> tuple[int, ...]:
        """The sources named so far, in the order of their first mention."""
        return tuple(self._cited)

    def feed(self, piece: str) -> str:
        """The text that is certain by now."""
        text = self._held + piece
        still_open = _OPEN.search(text)
        cut = still_open.start() if still_open else len(text)
        self._held = text[cut:]
        return _CITED.sub(self._checked, text[:cut])

    def finish(self) -> str:
        """What was held back and became no citation."""
        rest, self._held = self._held, ""
        return rest

    def _checked(self, match: re.Match[str]) -> str:
        blanks, inside = match.groups()
        if not _NUMBERS.fullmatch(inside):
            return match[0]
        numbers = [int(number) for number in re.findall(r"\d+", inside)]
        kept = [number for number in dict.fromkeys(numbers) if number in self._known]
        self._cited.update(dict.fromkeys(kept))
        return blanks + "".join(f"[{number}]" for number in kept) if kept else ""
