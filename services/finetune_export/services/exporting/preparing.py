"""Makes examples of a conversation's turns, screened; the same value is the same placeholder."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Any

from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.models.example import Example
from services.finetune_export.models.finding import Finding
from services.finetune_export.services.exporting.selecting import Judged
from services.finetune_export.services.screening.placeholders import Placeholders
from services.finetune_export.services.screening.screening import Screening

# Passages come again in many turns.
_REMEMBERED_PASSAGES = 4096
_SOURCES_TAG = re.compile(r"\s*</?sources\b")


@dataclass(frozen=True)
class Prepared:
    """`example` is None where the turn holds a secret."""

    example: Example | None
    disliked: bool


@dataclass
class Preparing:
    """`counts` is how often each class was found, secrets too; never a value.

    Names are looked for in what people and models wrote, not in passages: a model for names takes
    terms of a trade for people.
    """

    screening: Screening
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        rules = Screening()
        self._in_passages = lru_cache(_REMEMBERED_PASSAGES)(
            lambda text: tuple(rules.findings(text))
        )

    def conversation(self, turns: Sequence[tuple[ArchivedTurn, Judged]]) -> list[Prepared]:
        placeholders = Placeholders()
        done = [self._prepared(turn, verdict, placeholders) for turn, verdict in turns]
        self.counts += placeholders.counts
        return done

    def _prepared(
        self, turn: ArchivedTurn, verdict: Judged, placeholders: Placeholders
    ) -> Prepared:
        body = turn.body
        parts = body["prompt"]["parts"]
        sources = _source_texts(parts)
        said = [part["text"] for part in parts if part["text"] not in sources]
        written = (*said, body["question"], verdict.answer, verdict.rejected)
        texts = list(dict.fromkeys(text for text in written if text))
        found = dict(zip(texts, self.screening.findings_of(texts), strict=True))
        for text in (body["prompt"]["system"], *sources):
            found.setdefault(text, list(self._in_passages(text)))
        secrets = Counter(f.kind for findings in found.values() for f in findings if f.is_secret)
        disliked = verdict.reason == "disliked"
        if secrets:
            self.counts += secrets
            return Prepared(None, disliked)

        def screened(text: str) -> str:
            return placeholders.replace(text, found.get(text, ()))

        example = Example(
            turn_id=turn.turn_id,
            conversation_id=turn.conversation_id,
            at=turn.asked_at,
            system=screened(body["prompt"]["system"]),
            messages=_messages(parts, found, placeholders),
            question=screened(body["question"]),
            answer=screened(verdict.answer),
            rejected=None if verdict.rejected is None else screened(verdict.rejected),
            passages=tuple(source["passage_id"] for source in body["sources"]),
            prompt_version=body["prompt_version"],
            model=body["model"],
        )
        return Prepared(example, disliked)


def _source_texts(parts: Sequence[dict[str, Any]]) -> set[str]:
    """The passages: what stands between the tags in which the gateway puts sources.

    Earlier answers and what was remembered quote documents too, but people and models wrote them.
    """
    places = [n for n, part in enumerate(parts) if _SOURCES_TAG.match(part["text"])]
    if len(places) != 2:
        return set()
    return {part["text"] for part in parts[places[0] + 1 : places[1]] if part["quotes"]}


def _messages(
    parts: Sequence[dict[str, Any]], found: dict[str, list[Finding]], placeholders: Placeholders
) -> tuple[tuple[str, str], ...]:
    """Parts of one role that follow each other are one message, as the gateway sent them."""
    return tuple(
        (
            role,
            "".join(
                placeholders.replace(part["text"], found.get(part["text"], ())) for part in group
            ),
        )
        for role, group in groupby(parts, key=lambda part: str(part["role"]))
    )
