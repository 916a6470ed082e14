"""An archive in memory, and conversations to fill it; run as a program it prints a set's hashes."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from contracts.gateway.turns import (
    PromptPart,
    PromptSent,
    Quoted,
    TurnCompletedV2,
    TurnSource,
)
from services.finetune_export.models.archived_feedback import ArchivedFeedback
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.models.audit import Act
from services.finetune_export.models.export import ExportRequest, Filter
from services.finetune_export.services.exporting.exporting import Exporting
from services.finetune_export.services.screening.screening import Screening

AT = datetime(2026, 1, 1, tzinfo=UTC)
NOVA = "amazon.nova-micro-v1:0"
_WORDS_TEXT = """
tariff invoice customs harbour pallet carrier freight deposit penalty storage weighing
schedule permit insurance container manifest discount warehouse driver delivery
"""
_WORDS = _WORDS_TEXT.split()
# Of earlier answers.
_QUOTES = (Quoted(document_id="d7", ordinal=1),)


class FakeExports:
    """Implements services.ports.ExportArchive, and is the audit log."""

    def __init__(self, turns: Iterable[ArchivedTurn], feedback: Sequence[ArchivedFeedback] = ()):
        self.turns = {turn.key: turn for turn in turns}
        self.given, self.consent = feedback, True
        self.erased: set[str] = set()
        self.files: dict[str, bytes] = {}
        # A tombstone that comes when the first file is there.
        self.erased_meanwhile: str | None = None
        self.users: list[str] = []
        self.acts: list[Act] = []

    async def consents(self, tenant: str) -> bool:
        return self.consent

    async def tombstones(self, tenant: str) -> set[str]:
        return set(self.erased)

    async def turn_keys(self, tenant: str) -> AsyncIterator[str]:
        for key in sorted(self.turns):
            yield key

    async def read(self, key: str) -> ArchivedTurn | None:
        return self.turns.get(key)

    async def rated(self, tenant: str) -> set[str]:
        return {one.turn_key for one in self.given}

    async def feedback(self, turn: ArchivedTurn) -> list[ArchivedFeedback]:
        return [one for one in self.given if one.turn_key == turn.key]

    async def note_users(self, request: ExportRequest, users: Iterable[str]) -> None:
        self.users = list(users)

    async def forget_others(self, request: ExportRequest, users: Iterable[str]) -> None:
        assert set(self.users) >= set(users)

    async def remove_set(self, request: ExportRequest) -> None:
        self.files.clear()

    async def put_set_file(self, request: ExportRequest, name: str, path: Path) -> None:
        self.files[name] = await asyncio.to_thread(path.read_bytes)
        if self.erased_meanwhile:
            self.erased.add(self.erased_meanwhile)
            self.erased_meanwhile = None

    async def put_set_text(self, request: ExportRequest, name: str, text: str) -> None:
        self.files[name] = text.encode()

    async def note(self, act: Act) -> None:
        self.acts.append(act)

    def lines(self, name: str) -> list[str]:
        return self.files[name].decode().splitlines()


def a_turn(number: int, question: str = "", **fields: Any) -> ArchivedTurn:
    """Number n has a question of its own, is asked n minutes after AT, in conversation n // 2."""
    draw = random.Random(number)
    words = " ".join(draw.choice(_WORDS) for _ in range(8))
    question = question or f"What is the rule number {number} about {words}?"
    source = TurnSource(
        n=1,
        document_id="d1",
        ordinal=1,
        passage_id=f"d1:1:{number}",
        name="rules.md",
        text=f"Rule {number} says that {words} must be settled within {number} days.",
        start=0,
        end=50,
        cited=True,
    )
    user = fields.pop("user", "ann")
    cut = fields.pop("cut", ())
    earlier = fields.pop("earlier", ())
    parts = (
        *(
            PromptPart(role=role, text=text, quotes=_QUOTES if role == "assistant" else ())
            for role, text in earlier
        ),
        PromptPart(role="user", text="<sources>\n"),
        PromptPart(
            role="user",
            text=f"[1] {source.text}\n",
            quotes=(Quoted(document_id="d1", ordinal=1),),
        ),
        PromptPart(role="user", text=f"</sources>\nQuestion: {question}"),
    )
    at = AT + timedelta(minutes=number)
    known: dict[str, Any] = {
        "turn_id": f"t{number:06}",
        "conversation_id": f"c{number // 2:06}",
        "question": question,
        "query": question,
        "answer": f"{words.capitalize()} must be settled within {number} days [1].",
        "model": "m",
        "prompt_version": "cited-4",
        "sources": (source,),
        "input_tokens": 10,
        "output_tokens": 5,
        "cost_usd": Decimal("0.001"),
        "started_at": at,
        "completed_at": at,
        "prompt": PromptSent(system="Answer from the sources.", parts=parts, max_tokens=500),
        "consent_to_training": True,
    }
    message = TurnCompletedV2(**known | fields)
    return ArchivedTurn(
        tenant="acme",
        user=user,
        correlation_id="x",
        message_id=f"e{number}",
        conversation_id=message.conversation_id,
        turn_id=message.turn_id,
        completed_at=at,
        body=message.model_dump(mode="json"),
        cut=cut,
    )


def a_request(
    format: str = "bedrock-conversation", model: str = NOVA, **fields: Any
) -> ExportRequest:
    until = AT + timedelta(days=365)
    return ExportRequest(
        tenant="acme", format=format, base_model=model, filter=Filter(until=until), **fields
    )


async def exported(
    archive: FakeExports,
    request: ExportRequest | None = None,
    screening: Screening | None = None,
) -> dict[str, Any]:
    audit: Any = archive
    exporting = Exporting(archive, screening or Screening(), audit)
    return await exporting.export(request or a_request())


def main() -> None:
    archive = FakeExports(a_turn(n) for n in range(60))
    asyncio.run(exported(archive))
    for name, body in sorted(archive.files.items()):
        sys.stdout.write(f"{name} {sha256(body).hexdigest()}\n")


if __name__ == "__main__":
    main()
