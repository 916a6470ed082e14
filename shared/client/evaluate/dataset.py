"""A data set on disk: a corpus, queries, and judgements which document answers which query."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shared.client.evaluate.errors import EvaluationError

Qrels = dict[str, dict[str, int]]

_LAYOUT = """A data set is a folder with
  corpus.jsonl    a line for each document: {"id": …, "title": …, "text": …}  (or "_id")
  queries.jsonl   a line for each query: {"id": …, "text": …}  (or "_id")
  qrels.tsv       query, document, relevance, with a head line  (or qrels/test.tsv)"""


@dataclass(frozen=True)
class Entry:
    """A document of the corpus; title and text may be empty."""

    id: str
    title: str
    text: str


@dataclass(frozen=True)
class Dataset:
    """`qrels` holds the queries with a positive judgement, `queries` the texts of just those."""

    name: str
    corpus: tuple[Entry, ...]
    queries: dict[str, str]
    qrels: Qrels

    def limited(self, count: int | None) -> "Dataset":
        """The same with its first `count` queries; the corpus stays whole."""
        kept = dict(list(self.queries.items())[:count])
        return replace(self, queries=kept, qrels={query: self.qrels[query] for query in kept})


def read_dataset(folder: Path) -> Dataset:
    """The layout of BEIR (Thakur et al. 2021), or the flat one. Raises EvaluationError."""
    qrels = _qrels(_existing(folder, "qrels.tsv", "qrels/test.tsv"))
    asked = {row.id: row.text for row in _entries(_existing(folder, "queries.jsonl"))}
    unknown = sorted(qrels.keys() - asked.keys())
    if unknown:
        raise EvaluationError(
            f"{folder}: {len(unknown)} judged queries are not in queries.jsonl, "
            f"such as {', '.join(unknown[:5])}. Add them, or take out their judgements."
        )
    return Dataset(
        name=folder.resolve().name,
        corpus=tuple(_entries(_existing(folder, "corpus.jsonl"))),
        queries={query: text for query, text in asked.items() if query in qrels},
        qrels=qrels,
    )


def _existing(folder: Path, *names: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise EvaluationError(f"{folder} has no {' and no '.join(names)}.\n{_LAYOUT}")


def _entries(path: Path) -> Iterator[Entry]:
    seen: set[str] = set()
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            entry = _entry(line, f"{path}, line {number}")
            if entry.id in seen:
                raise EvaluationError(f"{path}, line {number}: the id {entry.id} comes twice.")
            seen.add(entry.id)
            yield entry


def _entry(line: str, where: str) -> Entry:
    try:
        row: dict[str, Any] = json.loads(line)
        identity = row["_id"] if "_id" in row else row["id"]
        return Entry(str(identity), str(row.get("title") or ""), str(row["text"] or ""))
    except (ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{where} cannot be read ({error!r}).\n{_LAYOUT}") from None


def _qrels(path: Path) -> Qrels:
    judged: Qrels = {}
    with path.open(encoding="utf-8") as lines:
        next(lines, None)  # the head line
        for number, line in enumerate(lines, 2):
            if not line.strip():
                continue
            try:
                query, document, relevance = line.rstrip("\r\n").split("\t")
                judged.setdefault(query, {})[document] = int(relevance)
            except ValueError:
                where = f"{path}, line {number}"
                raise EvaluationError(
                    f"{where}: not query, document, relevance between tabs.\n{_LAYOUT}"
                ) from None
    positive = {query: of for query, of in judged.items() if max(of.values()) > 0}
    if not positive:
        raise EvaluationError(f"{path} judges no document relevant, so nothing can be measured.")
    return positive
