"""Random queries of random principals over three tenants, all legs on: nothing forbidden shows."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from contracts.envelope import Context
from contracts.retrieval.search import Hit, SearchAnsweredV1, SearchRequestedV1
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.services.graph.hop import SEEDS
from services.retrieval.services.ports import Links, SearchStore
from services.retrieval.services.searching.ranking import Reranker
from services.retrieval.services.searching.search import Defaults, Search
from services.retrieval.store.neo4j.store import open_neo4j
from services.retrieval.store.opensearch.store import open_opensearch
from services.retrieval.store.sqlite.store import open_sqlite
from shared.breaker import Breaker
from shared.metering import Metering
from shared.ports import ModelReport, Reranked
from shared.testing.fakes import FakePublisher
from shared.testing.probe import until
from tests.integration.retrieval.real_servers import real_neo4j, real_opensearch
from tests.quality.tenants import TENANTS, Asking, Library
from tests.unit.retrieval.fakes import FakeModel
from tests.unit.retrieval.making import SPACE

EMBEDDED_QUERIES, REAL_QUERIES = 10_000, 1_000
# Neo4j plans a query for each new form of a filter, which takes a quarter of a second.
EMBEDDED_FILTERS, REAL_FILTERS = 500, 20
AT_ONCE = 8
# The share of queries in which it must have happened, or nothing was put to the test.
LEAST = {
    "bm25": 0.8,
    "dense": 0.9,
    "graph": 0.7,
    "rerank": 0.9,
    "twins": 0.4,
    "filtered": 0.2,
    "forbidden first": 0.9,
    "forbidden twins": 0.7,
    "forbidden links": 0.8,
}


@dataclass
class Tempted(FakeModel):
    """A reranker that puts first what names another tenant, if it is ever given any."""

    tenant: str = ""

    async def rerank(self, model: str, query: str, passages: Sequence[str]) -> Reranked:
        self.reranked.append(passages)
        others = [tenant for tenant in TENANTS if tenant != self.tenant]
        scores = [(n, float(any(o in text for o in others))) for n, text in enumerate(passages)]
        return Reranked(scores, ModelReport(model, 0, 0, Decimal(0)))


@dataclass
class Seen:
    """In how many queries each leg found something, and what lay near and was not to be found."""

    queries: int = 0
    times: Counter[str] = field(default_factory=Counter)

    def note(self, asking: Asking, answer: SearchAnsweredV1) -> None:
        self.queries += 1
        self.times["filtered"] += bool(asking.filter and answer.hits)
        for leg in ("bm25", "dense", "graph", "rerank"):
            self.times[leg] += any(getattr(hit.explain, leg) for hit in answer.hits)
        self.times["twins"] += any(hit.also_in for hit in answer.hits)

    def share(self, what: str) -> float:
        return self.times[what] / self.queries


async def ask_all(store: SearchStore, graph: Links, library: Library, queries: int) -> Seen:
    seen = Seen()
    for _ in range(queries // AT_ONCE):
        askings = [library.asking() for _ in range(AT_ONCE)]
        await asyncio.gather(*(ask(store, graph, library, asking, seen) for asking in askings))
    return seen


async def ask(
    store: SearchStore, graph: Links, library: Library, asking: Asking, seen: Seen
) -> None:
    model = Tempted(tenant=asking.tenant)
    reranker = Reranker(model, "test.reranker", 30.0, Breaker())
    metering, defaults = Metering("retrieval", FakePublisher()), Defaults(leg_budget_s=30.0)
    search = Search(store, model, SPACE, metering, reranker, defaults, graph)
    request = SearchRequestedV1(
        query=asking.query,
        limit=100,
        legs=("bm25", "dense", "graph", "rerank"),
        visible_to=asking.principal,
        filter=asking.filter,
    )

    async def answered() -> SearchAnsweredV1 | None:
        """A graph that has to plan a new query may take longer than a search waits."""
        answer = await search.find(request, Context(tenant=asking.tenant, causation_id="request"))
        return None if "failed" in answer.legs.values() else answer

    answer = await until(answered, within_s=60)
    allowed = library.seen_by(asking)
    # The dense leg knows no threshold: whatever is in scope is found, and nothing else.
    assert _found(answer) == allowed.keys(), asking
    texts = {p.passage.matched_text for p in allowed.values()}
    assert {text for given in model.reranked for text in given} <= texts, asking
    for hit in answer.hits:
        assert hit.text == allowed[hit.passage_id].passage.text, asking
        _check_path(hit, allowed, library.outdated_for(asking))
    seen.note(asking, answer)
    _note_temptations(asking, answer, allowed, library.kept_from(asking), seen.times)


def _found(answer: SearchAnsweredV1) -> set[str]:
    """With the twins that were left out for a hit."""
    twins = {twin.passage_id for hit in answer.hits for twin in hit.also_in}
    return twins | {hit.passage_id for hit in answer.hits}


def _check_path(
    hit: Hit, allowed: Mapping[str, IndexedPassage], outdated: Sequence[IndexedPassage]
) -> None:
    for step in hit.explain.graph.path if hit.explain.graph else ():
        name = step["entity"]
        if step["relation"] != "asked":
            assert name in allowed[step["from_passage"]].mentions
        assert name in allowed[step["to_passage"]].about
        named_by = sum(name in p.mentions for p in allowed.values())
        assert named_by <= step["named_by"] <= named_by + sum(name in p.mentions for p in outdated)


def _note_temptations(
    asking: Asking,
    answer: SearchAnsweredV1,
    allowed: Mapping[str, IndexedPassage],
    kept: Sequence[IndexedPassage],
    times: Counter[str],
) -> None:
    """A plain search over all that is stored: would it have begun with what is forbidden?"""
    inside = max((_words_shared(asking.query, p) for p in allowed.values()), default=0)
    times["forbidden first"] += max(_words_shared(asking.query, p) for p in kept) >= max(1, inside)
    texts = {p.passage.text for p in kept}
    times["forbidden twins"] += any(hit.text in texts for hit in answer.hits)
    named = {name for hit in answer.hits[:SEEDS] for name in allowed[hit.passage_id].mentions}
    times["forbidden links"] += any(not named.isdisjoint(p.about) for p in kept)


def _words_shared(query: str, p: IndexedPassage) -> int:
    return len(set(query.split()).intersection(p.passage.text.split()))


def _check_teeth(seen: Seen, queries: int) -> None:
    assert seen.queries == queries
    assert {
        what: seen.share(what) for what, least in LEAST.items() if seen.share(what) < least
    } == {}


async def test_the_embedded_store_shows_nothing_forbidden(tmp_path: Path) -> None:
    library = Library(random.Random(7), EMBEDDED_FILTERS)
    async with open_sqlite(tmp_path, SPACE) as store:
        await library.fill(store, None)
        seen = await ask_all(store, store, library, EMBEDDED_QUERIES)
    _check_teeth(seen, EMBEDDED_QUERIES)


@pytest.fixture
def opensearch_url(tmp_path: Path) -> Iterator[str]:
    yield from real_opensearch(_folder(tmp_path, "opensearch"))


@pytest.fixture
def neo4j_url(tmp_path: Path) -> Iterator[str]:
    yield from real_neo4j(_folder(tmp_path, "neo4j"))


@pytest.mark.real
async def test_opensearch_and_neo4j_show_nothing_forbidden(
    opensearch_url: str, neo4j_url: str
) -> None:
    library = Library(random.Random(8), REAL_FILTERS)
    async with (
        open_opensearch(opensearch_url, SPACE, f"visibility-{uuid4().hex[:12]}-") as store,
        open_neo4j(neo4j_url) as graph,
    ):
        await library.fill(store, graph)
        seen = await ask_all(store, graph, library, REAL_QUERIES)
    _check_teeth(seen, REAL_QUERIES)


def _folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made
