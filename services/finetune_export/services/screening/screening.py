"""Finds secrets and personal data: rules on every text, names where a model is there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.finetune_export.models.finding import Finding
from services.finetune_export.services.screening.contacts import (
    ADDRESSES,
    EMAILS,
    NETWORK,
    Phones,
)
from services.finetune_export.services.screening.key_shapes import BLOCKS, KEYS
from services.finetune_export.services.screening.name_cues import NAME_CUES
from services.finetune_export.services.screening.numbers import CUED_NUMBERS, NUMBERS, WALLETS
from services.finetune_export.services.screening.papers import DATES, PAPERS, USERNAMES
from services.finetune_export.services.screening.passwords import PASSWORDS
from services.finetune_export.services.screening.text import Text

# Where two findings overlap, the one of the earlier group stays.
_GROUPS = (
    *(
        BLOCKS,
        KEYS,
        WALLETS,
        EMAILS,
        NUMBERS,
        CUED_NUMBERS,
        PASSWORDS,
        DATES,
        PAPERS,
        NETWORK,
        Phones(),
    ),
    *(ADDRESSES, USERNAMES, NAME_CUES),
)


class Names(Protocol):
    """Finds names of people by more than a cue."""

    def findings(self, texts: Sequence[str]) -> Iterable[list[Finding]]:
        """Those of each text, in order; many texts at once cost less."""


@dataclass(frozen=True)
class Screening:
    """`names` is None where only rules are wanted."""

    names: Names | None = None

    def findings(self, text: str) -> list[Finding]:
        """Sorted by place, without overlaps; offsets in characters."""
        return self.findings_of([text])[0]

    def findings_of(self, texts: Sequence[str]) -> list[list[Finding]]:
        """As `findings`, of each text; with names a few dozen texts together cost half."""
        named = self.names.findings(texts) if self.names else ([] for _ in texts)
        return [_found(text, names) for text, names in zip(texts, named, strict=True)]


def _found(text: str, names: Iterable[Finding]) -> list[Finding]:
    whole = Text.of(text)
    kept: list[Finding] = []
    for findings in (*(group.findings(whole) for group in _GROUPS), names):
        for finding in sorted(findings, key=lambda each: (each.start - each.end, each)):
            if all(finding.end <= other.start or other.end <= finding.start for other in kept):
                kept.append(finding)
    return sorted(kept)
