"""Vectors are kept once their usage is confirmed; documents of one user share calls and events."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from contracts.platform.usage import ModelUsedV2
from services.ingestion.models.version import Claim, Description, Origin
from services.ingestion.services.working.embedding import Embed
from shared.delivery import Delivery
from shared.metering import Metering
from shared.testing.fakes import FakePublisher
from shared.testing.probe import until
from tests.unit.ingestion.fakes import DIMENSION, HashModel


class MemoryVectors:
    """services.ports.VectorCache in a dict."""

    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}

    async def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        return {key: self.held[key] for key in keys if key in self.held}

    async def put(self, document_id: str, vectors: Mapping[bytes, bytes]) -> None:
        self.held |= vectors

    async def prune(self) -> int:
        return 0


class Bench:
    def __init__(self) -> None:
        self.publisher, self.model, self.cache = FakePublisher(), HashModel(), MemoryVectors()
        delivery = Delivery(self.publisher, pauses_s=(0.001,))
        metering = Metering("ingestion", self.publisher, gather_s=0.02, delivery=delivery)
        self.embedding = Embed(self.model, self.cache, metering, "test.embed", DIMENSION)

    async def embed(self, document: str, user: str, *texts: str) -> list[bytes]:
        claim = Claim(
            claim=document,
            document_id=document,
            ordinal=1,
            name="a.md",
            origin=Origin("acme", "m", "r", user),
            description=Description(),
            created_at=datetime(2024, 5, 1, tzinfo=UTC),
            attempts=1,
        )
        return await self.embedding.embed(claim, texts or (document,))

    def used(self) -> list[tuple[str | None, int, str | None]]:
        """User, calls and document of each event."""
        return [
            (sent.context.principal, sent.message.calls, sent.message.document_id)
            for sent in self.publisher.sent
            if isinstance(sent.message, ModelUsedV2)
        ]


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_documents_of_a_moment_share_an_event_for_each_user(bench: Bench) -> None:
    await asyncio.gather(
        bench.embed("d1", "ann"), bench.embed("d2", "ann"), bench.embed("d3", "bob")
    )
    assert sorted(bench.used(), key=str) == [("ann", 2, None), ("bob", 1, "d3")]
    await bench.embed("d4", "ann")
    assert bench.used()[-1] == ("ann", 1, "d4")


async def test_the_same_text_is_embedded_once_for_a_tenant(bench: Bench) -> None:
    first = await bench.embed("d1", "ann", "one", "two", "one")
    assert first[0] == first[2] != first[1]
    assert await bench.embed("d2", "bob", "two") == [first[1]]
    assert bench.model.texts == ["one", "two"]


async def test_no_vector_is_kept_before_its_usage_is_confirmed(bench: Bench) -> None:
    bench.publisher.down.add("usage")
    task = asyncio.create_task(bench.embed("d1", "ann"))
    await until(lambda: bench.publisher.faults.fired > 2)
    assert bench.model.texts == ["d1"]
    assert bench.cache.held == {}
    bench.publisher.down.clear()
    [vector] = await task
    assert list(bench.cache.held.values()) == [vector]
    assert bench.used() == [("ann", 1, "d1")]


async def test_who_is_cancelled_does_not_take_the_event_along(bench: Bench) -> None:
    cancelled = asyncio.create_task(bench.embed("d1", "ann"))
    other = asyncio.create_task(bench.embed("d2", "ann"))
    await until(lambda: len(bench.model.texts) == 2)
    cancelled.cancel()
    await other
    assert cancelled.cancelled()
    assert bench.used() == [("ann", 2, None)]


async def test_vectors_of_another_dimension_are_an_error_that_names_the_setting(
    bench: Bench,
) -> None:
    bench.embedding.dimension = DIMENSION + 1
    with pytest.raises(ValueError, match="RAGOPS_EMBEDDING_DIMENSION"):
        await bench.embed("d1", "ann")
