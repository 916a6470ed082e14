"""The archive's part of a turn beside S3, and compacting a day beside reading it."""

import time
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from contracts.envelope import Context
from contracts.gateway.turns import (
    PromptPart,
    PromptSent,
    Quoted,
    TurnCompletedV2,
    TurnSource,
)
from services.finetune_export.controllers.turns import TurnsController
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.models.lake_turn import LakeTurn, part_key
from services.finetune_export.services.archiving import Archiving
from services.finetune_export.store.archive import Archive
from services.finetune_export.store.parquet import as_parquet
from tests.bench.figures import Figure

TURNS, SOURCES, USERS = 5_000, 5, 40
WRITE_MS, COMPACTED_A_S = 2.0, 5_000.0
AT = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = "A hotel in Denmark may cost 180 euros a night. " * 12


class ReadyObjects:
    """store.objects.Objects whose calls cost nothing."""

    async def put_empty(self, keys: Iterable[str]) -> None:
        list(keys)

    async def put_new(self, key: str, body: bytes) -> bool:
        return bool(key and body)

    async def first_keys(self, prefix: str, most: int) -> tuple[list[str], bool]:
        return [], bool(prefix and most)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        nothing: tuple[str, ...] = ()
        for key in nothing:
            yield key


class StandingClock:
    def now(self) -> datetime:
        return AT


def _turn(n: int) -> TurnCompletedV2:
    sources = tuple(_source(one, n % 50 + one) for one in range(1, SOURCES + 1))
    parts = [
        PromptPart(
            role="user",
            text=source.text,
            quotes=(Quoted(document_id=source.document_id, ordinal=1),),
        )
        for source in sources
    ]
    return TurnCompletedV2(
        turn_id=f"t{n:06}",
        conversation_id="c1",
        question="What may a hotel in Denmark cost?",
        query="What may a hotel in Denmark cost?",
        answer=TEXT,
        model="m",
        prompt_version="1",
        sources=sources,
        input_tokens=2_000,
        output_tokens=100,
        cost_usd=Decimal("0.00012"),
        started_at=AT,
        completed_at=AT,
        prompt=PromptSent(system=TEXT * 2, parts=tuple(parts), max_tokens=800),
    )


def _source(n: int, document: int) -> TurnSource:
    return TurnSource(
        n=n,
        document_id=f"d{document}",
        ordinal=1,
        passage_id=f"d{document}:1:0",
        name="handbook.pdf",
        text=TEXT,
        start=0,
        end=len(TEXT),
        cited=n == 1,
    )


async def measure() -> list[Figure]:
    turns = [_turn(n) for n in range(TURNS)]
    return [await _write(turns), _compaction(turns)]


async def _write(turns: list[TurnCompletedV2]) -> Figure:
    objects: Any = ReadyObjects()
    unused: Any = None
    archiving = Archiving(Archive(objects), unused, unused, StandingClock())
    controller = TurnsController(archiving, unused, unused)
    began = time.process_time()
    for turn in turns:
        await controller.completed(turn, Context(tenant="acme", principal="ann"))
    taken = (time.process_time() - began) / len(turns) * 1000
    detail = f"{SOURCES} sources of {len(TEXT)} characters"
    return Figure("archive a turn, CPU beside S3", taken, WRITE_MS, "ms", False, detail)


def _compaction(turns: list[TurnCompletedV2]) -> Figure:
    archived = [
        ArchivedTurn(
            tenant="acme",
            user=f"user {n % USERS}",
            correlation_id=turn.turn_id,
            message_id=turn.turn_id,
            conversation_id=turn.conversation_id,
            turn_id=turn.turn_id,
            completed_at=turn.completed_at,
            body=turn.model_dump(mode="json"),
        )
        for n, turn in enumerate(turns)
    ]
    began = time.process_time()
    rows = [LakeTurn.of(turn, None) for turn in archived]
    part_key("acme", AT.date(), rows)
    body = as_parquet(rows)
    speed = len(turns) / (time.process_time() - began)
    assert as_parquet(rows) == body
    name = "turns compacted a CPU second, beside reading"
    return Figure(name, speed, COMPACTED_A_S, "", True, f"{len(body)} bytes, twice the same")
