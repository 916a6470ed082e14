"""A whole evaluation against a gateway in memory."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from services.gateway.services.access import Access
from shared.client import Refused, Stalled
from shared.client.evaluate.configuration import configuration
from shared.client.evaluate.dataset import Dataset, read_dataset
from shared.client.evaluate.errors import EvaluationError
from shared.client.evaluate.evaluation import Evaluation
from shared.client.evaluate.metrics import METRICS, values_of
from shared.client.evaluate.searching import Run
from shared.client.evaluate.tenant import mint, throwaway_name
from tests.unit.client.fake_gateway import FakeGateway, problem
from tests.unit.client.making import write_flat

CONFIGURATIONS = [configuration(name) for name in ("fused", "bm25", "+rerank")]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return read_dataset(write_flat(tmp_path))


def no_bar(_: str, __: int) -> Callable[[int], None]:
    return lambda _: None


async def measured(gateway: FakeGateway, evaluation: Evaluation) -> dict[str, Run]:
    async with gateway.client() as client:
        return await evaluation(client, no_bar)


async def test_passages_are_folded_to_the_corpus_ids(dataset: Dataset) -> None:
    gateway = FakeGateway()
    runs = await measured(gateway, Evaluation(dataset, CONFIGURATIONS))
    assert list(runs) == ["fused", "bm25", "bm25+dense+rerank"]
    assert runs["fused"].rankings == {"q1": ["d/1"], "q2": ["d 1", "3"], "q3": []}
    found = values_of(runs["fused"].rankings, dataset.qrels)
    assert dict(zip(METRICS, found["q2"], strict=True))["AllHit@10"] == 1.0
    assert found["q3"] == [0.0] * len(METRICS)
    assert len(runs["fused"].seconds) == 3


async def test_the_searches_name_their_legs(dataset: Dataset) -> None:
    gateway = FakeGateway()
    await measured(gateway, Evaluation(dataset, CONFIGURATIONS, concurrency=1))
    assert [search.legs for search in gateway.searches[::3]] == [
        None,
        ("bm25",),
        ("bm25", "dense", "rerank"),
    ]
    assert {search.limit for search in gateway.searches} == {100}


async def test_a_leg_that_did_not_run_is_counted(dataset: Dataset) -> None:
    gateway = FakeGateway(leg_states={"rerank": "skipped", "dense": "failed"})
    runs = await measured(gateway, Evaluation(dataset, CONFIGURATIONS))
    assert runs["fused"].missed == {"dense": 3}
    assert runs["bm25+dense+rerank"].missed == {"dense": 3, "rerank": 3}


async def test_the_tenant_is_empty_afterwards_unless_it_is_kept(dataset: Dataset) -> None:
    gateway = FakeGateway(unknown_deletions=2)
    await measured(gateway, Evaluation(dataset, CONFIGURATIONS))
    assert sorted(gateway.uploads) == ["3.md", "d_1-2.txt", "d_1.md"]
    assert gateway.views == {}
    await measured(gateway, Evaluation(dataset, CONFIGURATIONS, keep=True))
    assert len(gateway.views) == 3


async def test_kept_documents_are_used_again(dataset: Dataset) -> None:
    gateway = FakeGateway()
    first = await measured(gateway, Evaluation(dataset, CONFIGURATIONS, keep=True))
    again = await measured(gateway, Evaluation(dataset, CONFIGURATIONS))
    assert len(gateway.uploads) == 3
    assert again["fused"].rankings == first["fused"].rankings
    assert gateway.views == {}


async def test_a_tenant_with_other_documents_is_left_alone(dataset: Dataset) -> None:
    gateway = FakeGateway()
    await measured(gateway, Evaluation(dataset, CONFIGURATIONS, keep=True))
    async with gateway.client() as client:
        await client.upload("handbook.md", b"Mine")
    with pytest.raises(EvaluationError, match=r"handbook\.md"):
        await measured(gateway, Evaluation(dataset, CONFIGURATIONS))
    assert len(gateway.views) == 4


async def test_rejected_documents_are_listed_and_the_rest_goes(dataset: Dataset) -> None:
    gateway = FakeGateway(rejects={"d_1.md": "Binary data."})
    with pytest.raises(EvaluationError, match=r"1 documents(.|\n)*d/1 \(d_1\.md\).*Binary data"):
        await measured(gateway, Evaluation(dataset, CONFIGURATIONS))
    assert gateway.searches == []
    assert gateway.views == {}


async def test_documents_that_never_get_ready_end_it(dataset: Dataset) -> None:
    gateway = FakeGateway(stuck={"3.md"})
    with pytest.raises(Stalled):
        await measured(gateway, Evaluation(dataset, CONFIGURATIONS, stall_s=0.02))
    assert gateway.views == {}


async def test_a_failing_search_is_raised_as_it_is(dataset: Dataset) -> None:
    gateway = FakeGateway()
    gateway.on_search = lambda: gateway.outages.append(problem(500, "internal", "Broken."))
    with pytest.raises(Refused, match="Broken"):
        await measured(gateway, Evaluation(dataset, CONFIGURATIONS, concurrency=1, keep=True))


async def test_an_interruption_empties_the_tenant_too(dataset: Dataset) -> None:
    gateway = FakeGateway()
    under_way = asyncio.ensure_future(measured(gateway, Evaluation(dataset, CONFIGURATIONS)))
    gateway.on_search = under_way.cancel
    with pytest.raises(asyncio.CancelledError):
        await under_way
    assert len(gateway.uploads) == 3
    assert gateway.views == {}


async def test_a_system_that_is_not_ready_is_not_filled(dataset: Dataset) -> None:
    gateway = FakeGateway(silent=("retrieval",))
    with pytest.raises(EvaluationError, match="no answer from retrieval"):
        await measured(gateway, Evaluation(dataset, CONFIGURATIONS))
    assert gateway.uploads == []


def test_the_gateway_takes_the_token_of_a_throwaway_tenant() -> None:
    secret, tenant = "s" * 32, throwaway_name("My set/β " + "x" * 80)
    principal = Access(secret).verify(mint(secret, tenant))
    assert principal.tenant == tenant
    assert principal.scopes == {"documents:read", "documents:write", "search"}
    assert tenant != throwaway_name("My set")


@pytest.mark.parametrize("text", ["sparse", "bm25+sparse", "", "+", "bm25,dense"])
def test_a_leg_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"bm25, dense, graph, rerank|not fused"):
        configuration(text)
