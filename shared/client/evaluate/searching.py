"""Asks every query of a data set, and folds the passages found to documents."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contracts.gateway.http_search import QUESTION_MAX, Hit, SearchBody
from shared.client.client import Client
from shared.client.evaluate.configuration import Configuration
from shared.client.pool import each
from shared.client.progress import Advance

DEPTH = 100


@dataclass
class Run:
    """Rankings are corpus ids, best first. `missed`: in how many answers a leg did not run."""

    rankings: dict[str, list[str]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    missed: Counter[str] = field(default_factory=Counter)


async def run_queries(
    client: Client,
    queries: Mapping[str, str],
    asked: Configuration,
    corpus_ids: Mapping[str, str],
    *,
    concurrency: int,
    advance: Advance,
) -> Run:
    """A query is cut to the length that the gateway takes; a blank one finds nothing."""
    run = Run()

    async def search(query: tuple[str, str]) -> None:
        query_id, text = query[0], query[1].strip()[:QUESTION_MAX]
        if text:
            body = SearchBody(query=text, limit=DEPTH, legs=asked.legs)
            began = time.perf_counter()
            found = await client.search(body)
            run.seconds.append(time.perf_counter() - began)
            run.rankings[query_id] = folded(found.hits, corpus_ids)
            run.missed.update(_missed(found.legs, asked))
        advance(1)

    await each(queries.items(), search, concurrency)
    return run


def folded(hits: Iterable[Hit], corpus_ids: Mapping[str, str]) -> list[str]:
    """Documents by their best passage; each once. KeyError for a document nobody put in."""
    return list(dict.fromkeys(corpus_ids[hit.document_id] for hit in hits))


def _missed(legs: Mapping[str, str], asked: Configuration) -> list[str]:
    """Failed legs, and those that were asked for by name but not applied."""
    failed = {leg for leg, state in legs.items() if state == "failed"}
    return sorted(failed | {leg for leg in asked.legs or () if legs.get(leg) != "applied"})
