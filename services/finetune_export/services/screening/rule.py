"""A rule: a pattern, what its value must pass, and where the value stands in the match."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.finetune_export.models.finding import Finding
from services.finetune_export.services.screening.text import Text

Check = Callable[[str], bool]
Window = tuple[int, int]
# A cue may begin this far before its needle.
_LEAD = 32


def anything(_value: str) -> bool:
    return True


@dataclass(frozen=True)
class Rule:
    """The finding is the group `v` of a match, or the whole match without such a group.

    The pattern is tried only on texts that hold one of `needles` (lower case; none: every text),
    and with `around` only that many characters after a needle. `check` sees the value; `cue`,
    where given, must match within `reach` characters before it.
    """

    kind: str
    pattern: re.Pattern[str]
    needles: tuple[str, ...] = ()
    check: Check = anything
    cue: re.Pattern[str] | None = None
    reach: int = 40
    around: int = 0

    def findings(self, text: str, lowered: str, windows: Iterable[Window]) -> Iterator[Finding]:
        if self.needles:
            if not any(needle in lowered for needle in self.needles):
                return
            if self.around:
                windows = merged(self._windows(lowered), text)
        group: str | int = "v" if "v" in self.pattern.groupindex else 0
        for begin, stop in windows:
            for match in self.pattern.finditer(text, begin, stop):
                start, end = match.span(group)
                if self.cue and not self.cue.search(text, max(0, start - self.reach), start):
                    continue
                if end > start and self.check(text[start:end]):
                    yield Finding(start, end, self.kind)

    def _windows(self, lowered: str) -> Iterator[Window]:
        for needle in self.needles:
            place = lowered.find(needle)
            while place >= 0:
                yield place - _LEAD, place + self.around
                place = lowered.find(needle, place + len(needle))


def merged(windows: Iterable[Window], text: str) -> list[Window]:
    """Sorted and without overlaps; none ends within a word."""
    found: list[Window] = []
    for start, end in sorted(windows):
        while end < len(text) and not text[end].isspace():
            end += 1
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((max(start, 0), min(end, len(text))))
    return found


def rule(
    kind: str,
    pattern: str,
    *needles: str,
    flags: int = 0,
    check: Check = anything,
    around: int = 0,
) -> Rule:
    return Rule(kind, re.compile(pattern, flags), needles, check, around=around)


def everywhere(text: Text) -> Sequence[Window]:
    return ((0, len(text.text)),)


@dataclass(frozen=True)
class Group:
    """Rules that are worth a try only in the windows which `gate` opens."""

    rules: tuple[Rule, ...]
    gate: Callable[[Text], Sequence[Window]] = everywhere

    def findings(self, text: Text) -> list[Finding]:
        windows = self.gate(text)
        if not windows:
            return []
        return [f for each in self.rules for f in each.findings(text.text, text.lowered, windows)]


def near(pattern: str, before: int, after: int) -> Callable[[Text], Sequence[Window]]:
    """Opens so many characters around each match."""
    compiled = re.compile(pattern)

    def gate(text: Text) -> Sequence[Window]:
        spans = (match.span() for match in compiled.finditer(text.lowered))
        return merged(((start - before, end + after) for start, end in spans), text.text)

    return gate
