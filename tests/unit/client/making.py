"""A small data set on disk, in both layouts."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CORPUS = [
    {"id": "d/1", "title": "Ferns", "text": "Ferns have spores"},
    {"id": "d 1", "title": "", "text": "Moss grows slowly on stones"},
    {"id": "3", "title": "Oaks", "text": "Oaks have acorns"},
    {"id": "4", "title": "", "text": "  "},
]
QUERIES = [
    {"id": "q1", "text": "spores of ferns"},
    {"id": "q2", "text": "moss and acorns"},
    {"id": "q3", "text": "quartz"},
    {"id": "unjudged", "text": "granite"},
]
QRELS = [("q1", "d/1", 2), ("q1", "3", 1), ("q2", "d 1", 1), ("q3", "3", 1), ("unjudged", "3", 0)]


def write_flat(folder: Path) -> Path:
    return _write(folder, CORPUS, QUERIES, "query_id\tdoc_id\trelevance", folder / "qrels.tsv")


def write_beir(folder: Path) -> Path:
    (folder / "qrels").mkdir()
    head = "query-id\tcorpus-id\tscore"
    corpus, queries = _underscored(CORPUS), _underscored(QUERIES)
    return _write(folder, corpus, queries, head, folder / "qrels" / "test.tsv")


def _underscored(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"_id": row["id"]} | {k: v for k, v in row.items() if k != "id"} for row in rows]


def _write(
    folder: Path,
    corpus: Sequence[Mapping[str, Any]],
    queries: Sequence[Mapping[str, Any]],
    head: str,
    qrels: Path,
) -> Path:
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines)
    qrels.write_text("\n".join([head, *("\t".join(map(str, row)) for row in QRELS)]) + "\n")
    return folder
