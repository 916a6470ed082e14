"""Memory's part of a turn beside DynamoDB and the queue, and the prompt of a long conversation."""

import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from contracts.envelope import Context
from contracts.memory.queries import ContextRequestedV1, PastTurn
from services.gateway.services.turn.prompt import build_prompt
from services.memory.bootstrap import bootstrap
from services.memory.models.turn import ConversationKey, Fact, Outline, Turn, Vector
from services.memory.settings import MemorySettings
from shared.outcomes import Done
from shared.ports import Embedded, EmbedRole, ModelReport
from shared.testing.fakes import FakePublisher, no_bus
from shared.tokens import estimated_tokens
from tests.bench.figures import Figure
from tests.unit.gateway.fakes import a_hit

ROUNDS = 300
COMPARED, FACTS, DIMENSION = 200, 100, 384
LIMIT_MS = 2.0
BUDGET = 8000
NOW = datetime.now(UTC)
KEY = ConversationKey(tenant="acme", user="ann", conversation_id="c1")


def _turn(n: int, conversation: str) -> Turn:
    halves = np.random.default_rng(n).normal(size=DIMENSION).astype("<f2").tobytes()
    return Turn(
        key=KEY.model_copy(update={"conversation_id": conversation}),
        turn_id=f"t{n}",
        question=f"What may a hotel in place {n} cost?",
        answer="A hotel there may cost 180 euros a night. " * 12,
        asked_at=NOW,
        completed_at=NOW - timedelta(minutes=n),
        vector=Vector(model="m", dimension=DIMENSION, halves=halves),
    )


class ReadAlready:
    """services.ports.TurnStore with a user's last days at hand."""

    def __init__(self) -> None:
        self.kept = [_turn(n, f"c{n // 5}") for n in range(COMPARED)]
        self.seen = [
            Outline(**one.model_dump(include=set(Outline.model_fields))) for one in self.kept
        ]
        self.said = [
            Fact(
                subject=f"subject {n % 40}",
                value=f"value {n}",
                said_at=NOW - timedelta(minutes=n),
                turn_id=f"t{n}",
                conversation_id="c1",
            )
            for n in range(FACTS)
        ]

    async def ping(self) -> None:
        return None

    async def recent(self, key: ConversationKey, count: int, now: datetime) -> list[Turn]:
        return self.kept[:count]

    async def outlines(self, *_: Any) -> list[Outline]:
        return self.seen

    async def facts(self, *_: Any) -> list[Fact]:
        return self.said

    async def turns(self, outlines: Sequence[Outline]) -> list[Turn]:
        wanted = {one.turn_id for one in outlines}
        return [turn for turn in self.kept if turn.turn_id in wanted]


class InstantModel:
    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        vectors = [[1.0] * DIMENSION for _ in texts]
        return Embedded(vectors, ModelReport(model, 5, 0, Decimal(0)))


async def measure() -> list[Figure]:
    return [await _part_of_a_turn(), _long_prompt()]


async def _part_of_a_turn() -> Figure:
    store: Any = ReadAlready()
    model: Any = InstantModel()
    settings = MemorySettings(embedding_model="m", recall_floor=-1)
    taken = []
    async with bootstrap(
        settings, bus=no_bus(), publisher=FakePublisher(), model=model, store=store
    ) as service:
        requested = service.handlers["memory-queries"][ContextRequestedV1]
        for n in range(ROUNDS):
            request = ContextRequestedV1(conversation_id="c1", question=f"Hotel {n}?")
            began = time.perf_counter()
            outcome = await requested(request, Context(tenant="acme", principal="ann"))
            taken.append((time.perf_counter() - began) * 1000)
            assert isinstance(outcome, Done)
    detail = f"{COMPARED} turns, {FACTS} facts, {DIMENSION} dimensions"
    return Figure(
        "memory's part of a turn, p50", statistics.median(taken), LIMIT_MS, "ms", False, detail
    )


def _long_prompt() -> Figure:
    hits = [a_hit(n, "word " * 300) for n in range(1, 30)]
    sizes = []
    for count in (20, 500):
        turns = [
            PastTurn(turn_id=str(n), question=f"Q{n:03}", answer="word " * 60, completed_at=NOW)
            for n in range(count)
        ]
        prompt = build_prompt("And now?", hits, turns, BUDGET)
        sizes.append(sum(estimated_tokens(message.text) for message in prompt.messages))
    return Figure(
        "prompt of 500 turns, to that of 20",
        sizes[1] / sizes[0],
        1.01,
        "",
        False,
        f"{sizes[1]} tokens",
    )
