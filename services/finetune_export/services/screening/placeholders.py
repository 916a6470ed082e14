"""Typed, numbered placeholders in the place of personal data, for one conversation."""

import re
from collections import Counter
from collections.abc import Sequence

from services.finetune_export.models.finding import Finding

_TITLE = re.compile(
    r"(?i)^(?:(?:mr|mrs|ms|miss|mx|dr|prof|professor|sir|herrn?|frau|madame|monsieur|se[ñn]ora?"
    r"|sra?|signora?|dhr|mevrouw)\b\.?\s*)+"
)


class Placeholders:
    """The same value gets the same placeholder, however it is written: `[EMAIL_1]`, `[NAME_2]`.

    `counts` says how many stretches of each class were replaced. Values are kept only for as long
    as the conversation is in hand.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._given: dict[tuple[str, str], str] = {}
        self._numbers: Counter[str] = Counter()

    def replace(self, text: str, findings: Sequence[Finding]) -> str:
        """`findings` as Screening gives them: sorted, without overlaps."""
        parts, last = [], 0
        for finding in findings:
            parts += [text[last : finding.start], self._placeholder(text, finding)]
            last = finding.end
            self.counts[finding.kind] += 1
        return "".join([*parts, text[last:]])

    def _placeholder(self, text: str, finding: Finding) -> str:
        value = text[finding.start : finding.end].casefold()
        if finding.kind == "name":
            value = _TITLE.sub("", value)
        same = (finding.kind, re.sub(r"\W", "", value))
        if same not in self._given:
            self._numbers[finding.kind] += 1
            self._given[same] = f"[{finding.kind.upper()}_{self._numbers[finding.kind]}]"
        return self._given[same]
