"""One call of the model a passage, under a cap, and none for a passage in the cache."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.platform.usage import ModelUsedV2
from services.ingestion.models.parsed import Chunk, Extraction
from services.ingestion.models.version import Claim, Description, Origin
from services.ingestion.services.entities import reading
from services.ingestion.services.entities.asking import passages_of
from services.ingestion.services.entities.budget import Budget, estimated
from services.ingestion.services.entities.reading import Limits, ReadEntities
from shared.errors import Unavailable
from shared.metering import Metering
from shared.testing.fakes import FakePublisher
from shared.testing.probe import until
from tests.unit.ingestion.fakes import Answer, ReadingModel

CLAIM = Claim(
    claim="c",
    document_id="d",
    ordinal=1,
    name="a.md",
    origin=Origin("acme", "m", "r", "ann"),
    description=Description(),
    created_at=datetime(2024, 5, 1, tzinfo=UTC),
    attempts=1,
)
CHUNKS = [Chunk(f"Ship{n} sails.", 0, 9) for n in range(20)]
ANSWER_TOKENS = 500


class MemoryExtractions:
    """services.ports.ExtractionCache in a dict."""

    def __init__(self) -> None:
        self.held: dict[bytes, Extraction | None] = {}

    async def get(self, keys: Sequence[bytes]) -> dict[bytes, Extraction | None]:
        return {key: self.held[key] for key in keys if key in self.held}

    async def put(self, document_id: str, key: bytes, extraction: Extraction | None) -> None:
        self.held[key] = extraction

    async def prune(self) -> int:
        return 0


def ships(text: str) -> Answer:
    words = [word for word in text.split() if word.startswith("Ship")]
    return {"about": words, "mentions": words, "relations": []}


class Bench:
    """A reader on a cache in memory, with the metrics that it wrote."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "metric", self._metric)
        self.model, self.cache = ReadingModel(answer=ships), MemoryExtractions()
        self.publisher = FakePublisher()
        self.metrics: list[tuple[str, float, str]] = []

    def _metric(self, name: str, value: float, **dimensions: str) -> None:
        self.metrics.append((name, value, dimensions.get("reason", "")))

    async def read(self, cap: int = 10**6, at_once: int = 4) -> list[Extraction | None]:
        limits = Limits(cap, ANSWER_TOKENS, at_once)
        metering = Metering("ingestion", self.publisher, gather_s=0.001)
        reader = ReadEntities(self.model, self.cache, metering, "test.llm", limits)
        return await reader.read(CLAIM, "", CHUNKS)

    def fallbacks(self, reason: str) -> float:
        return sum(
            value for name, value, why in self.metrics if (name, why) == ("EntityFallback", reason)
        )


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


async def test_each_passage_is_asked_about_once_and_metered(bench: Bench) -> None:
    found = await bench.read()
    assert [one.about for one in found if one] == [(f"ship{n}",) for n in range(20)]
    assert len(bench.model.asked) == 20
    assert 1 < bench.model.calling_most <= 4
    used = bench.publisher.of(ModelUsedV2)
    assert sum(event.calls for event in used) == 20
    assert sum(event.input_tokens + event.output_tokens for event in used) == bench.model.tokens
    assert {(e.purpose, e.document_id, e.model) for e in used} == {
        ("extract_entities", "d", "test.llm")
    }


async def test_the_same_again_calls_nothing_and_announces_nothing(bench: Bench) -> None:
    first = await bench.read()
    bench.metrics.clear()
    assert await bench.read() == first
    assert len(bench.model.asked) == 20
    assert bench.metrics == []


async def test_the_estimate_comes_before_the_first_call_and_leaves_out_what_is_known(
    bench: Bench,
) -> None:
    passages = passages_of("", CHUNKS)
    for passage in passages[:15]:
        bench.cache.held[passage.key("acme", "test.llm")] = Extraction()
    bench.model.answer = lambda _: Unavailable("bedrock")
    with pytest.raises(Unavailable):
        await bench.read()
    one = estimated(passages[15:], 10**6, ANSWER_TOKENS)
    assert bench.metrics == [("EntityTokensEstimated", one.input_tokens + one.output_tokens, "")]
    assert (one.calls, one.left_out) == (5, 0)


@pytest.mark.parametrize("at_once", [1, 4, 16])
async def test_the_cap_holds_however_many_calls_run(bench: Bench, at_once: int) -> None:
    most = max(p.tokens_max for p in passages_of("", CHUNKS)) + ANSWER_TOKENS
    cap = 5 * most
    found = await bench.read(cap, at_once)
    asked = len(bench.model.asked)
    assert 5 <= asked < 20
    assert bench.model.tokens <= cap
    # What is left is less than one more call could take.
    assert cap - bench.model.tokens < most
    assert found[asked:] == [None] * (20 - asked)
    assert bench.fallbacks("cap") == 20 - asked


async def test_no_room_for_one_call_means_none(bench: Bench) -> None:
    assert await bench.read(cap=1000) == [None] * 20
    assert bench.model.asked == []
    assert bench.fallbacks("cap") == 20


async def test_an_answer_of_no_use_leaves_its_passage_to_the_rules_and_is_paid_once(
    bench: Bench,
) -> None:
    bench.model.answer = lambda text: None if "Ship3 " in text else ships(text)
    found = await bench.read()
    assert [n for n, one in enumerate(found) if one is None] == [3]
    assert bench.fallbacks("answer") == 1
    assert await bench.read() == found
    assert len(bench.model.asked) == 20


async def test_an_outage_begins_no_more_calls_and_keeps_what_was_read(bench: Bench) -> None:
    fault = Unavailable("bedrock", "throttled")
    bench.model.answer = lambda text: fault if "Ship5 " in text else ships(text)
    with pytest.raises(Unavailable, match="throttled"):
        await bench.read()
    assert any("Ship5 " in text for text in bench.model.asked)
    assert len(bench.model.asked) < 20
    paid = len(bench.model.asked) - 1
    assert len(bench.cache.held) == paid
    bench.model.answer = ships
    assert None not in await bench.read()
    assert len(bench.model.asked) == 20 + 1


async def test_a_refusal_is_raised_as_it_is(bench: Bench) -> None:
    bench.model.answer = lambda _: ValueError("access denied")
    with pytest.raises(ValueError, match="access denied"):
        await bench.read()
    assert len(bench.model.asked) <= 4


async def test_what_is_cancelled_ends_its_calls(bench: Bench) -> None:
    bench.model.gate.clear()
    task = asyncio.create_task(bench.read())
    await until(lambda: bench.model.calling)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.model.calling == 0
    assert len(bench.model.asked) <= 4


@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 300), st.booleans()), max_size=40),
)
def test_a_budget_is_never_passed(cap: int, calls: list[tuple[int, int, bool]]) -> None:
    budget, running = Budget(cap), []
    for most, used, settle in calls:
        if budget.reserve(most):
            running.append((most, min(most, used)))
        if settle and running:
            budget.settle(*running.pop(0))
        assert budget.used + budget.set_aside <= cap
        assert budget.set_aside == sum(most for most, _ in running)
