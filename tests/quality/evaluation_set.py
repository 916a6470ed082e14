"""A public evaluation set: its documents, its queries, and how a ranking scores."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The sets are not part of the repository.
FOLDER = Path(os.environ.get("RAGOPS_EVAL_SETS", ROOT.parent / "shared" / "eval"))


@dataclass(frozen=True)
class EvaluationSet:
    """`documents`: id → (title, text); `judged`: query id → document id → relevance."""

    name: str
    documents: Mapping[str, tuple[str, str]]
    queries: Mapping[str, str]
    judged: Mapping[str, Mapping[str, int]]

    def ndcg10(self, rankings: Mapping[str, Sequence[str]]) -> float:
        """Mean over the judged queries: gain = relevance, discount log2(rank + 1), as trec_eval."""
        scores = [_ndcg10(rankings.get(query, ()), judged) for query, judged in self.judged.items()]
        return sum(scores) / len(scores)


def load(name: str) -> EvaluationSet:
    folder = FOLDER / name
    if not folder.is_dir():
        raise FileNotFoundError(f"no set in {folder}: set RAGOPS_EVAL_SETS to the folder of sets")
    judged: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, relevance = line.split("\t")
        if int(relevance) > 0:
            judged.setdefault(query, {})[document] = int(relevance)
    corpus = _lines(folder / "corpus.jsonl")
    documents = {row["id"]: (row.get("title", ""), row["text"]) for row in corpus}
    queries = {row["id"]: row["text"] for row in _lines(folder / "queries.jsonl")}
    return EvaluationSet(name, documents, queries, judged)


def _lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _ndcg10(ranking: Sequence[str], judged: Mapping[str, int]) -> float:
    gained = _discounted([judged.get(document, 0) for document in ranking[:10]])
    return gained / _discounted(sorted(judged.values(), reverse=True)[:10])


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(place + 2) for place, gain in enumerate(gains))
