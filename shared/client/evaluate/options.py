"""The command line of an evaluation."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from shared.client.evaluate.configuration import Configuration, configuration

_EPILOG = """\
FOLDER holds corpus.jsonl (id, title, text), queries.jsonl (id, text) and qrels.tsv (query,
document, relevance, with a head line), or BEIR's own layout (_id, qrels/test.tsv).

Each document of the corpus is sent over HTTP into a tenant that is made for this run and emptied
at its end, also after Ctrl-C. Entries without any text are left out. Every query with a positive
judgement is searched, once for each entry of --legs; passages are folded to documents by their
best rank.

legs:
  fused            everything that the system has switched on
  bm25, dense      one leg alone
  bm25+dense       legs joined by +; graph and rerank too
  +rerank, +graph  short for bm25+dense+rerank and bm25+dense+graph

examples (in another terminal: make run):
  python -m shared.client.evaluate sets/scifact
  python -m shared.client.evaluate sets/scifact --legs fused,bm25+dense,+graph --json before.json
  python -m shared.client.evaluate sets/scifact --compare before.json

several runs over the same documents (sent once, and kept):
  python -m shared.client.evaluate sets/scifact --tenant eval-scifact --keep
"""


@dataclass(frozen=True)
class Options:
    """What was asked for; `token_file` and `tenant` exclude each other."""

    folder: Path
    url: str
    token_file: Path | None
    secret_file: Path
    tenant: str | None
    configurations: tuple[Configuration, ...]
    limit_queries: int | None
    concurrency: int
    keep: bool
    stall_s: float
    json_file: Path | None
    run_file: Path | None
    compare: Path | None


def parse(arguments: list[str] | None = None) -> Options:
    given = vars(_parser().parse_args(arguments))
    # The same legs named twice are measured once.
    unique = tuple(dict.fromkeys(given.pop("legs")))
    return Options(configurations=unique, **given)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m shared.client.evaluate",
        description=(
            "Measures a running system's retrieval with a data set: nDCG, recall, MRR and "
            "latency, for all legs together and for each alone."
        ),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("folder", type=Path, metavar="FOLDER", help="the data set")
    add(
        "--legs",
        type=_configurations,
        default="fused,bm25,dense",
        metavar="LEGS,…",
        help="what to measure (default: %(default)s)",
    )
    add("--limit-queries", type=count, metavar="N", help="only the first N queries")
    add("--concurrency", type=count, default=2, metavar="N", help="searches at once (default 2)")
    _add_outputs(made)
    add_system(made)
    return made


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("results").add_argument
    add("--json", type=output, dest="json_file", metavar="FILE", help="write them as JSON too")
    add("--compare", type=Path, metavar="FILE", help="differences from an earlier --json FILE")
    add(
        "--run-file",
        type=output,
        metavar="FILE",
        help="write the rankings as TSV; of several configurations as FILE's name.<legs>.tsv",
    )


def add_system(parser: argparse.ArgumentParser) -> None:
    """Which system is measured, and as which tenant; every measuring command takes these."""
    group = parser.add_argument_group("the system, and the tenant in it")
    add = group.add_argument
    add("--url", default="http://127.0.0.1:8080", help="of the gateway (default: %(default)s)")
    add(
        "--secret-file",
        type=Path,
        default=Path(".ragops/secrets.json"),
        metavar="FILE",
        help="holds the secret that signs the tenant's token (default: %(default)s)",
    )
    whose = group.add_mutually_exclusive_group()
    whose.add_argument("--tenant", metavar="NAME", help="this tenant, not one with a new name")
    whose.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="an access token instead of the secret; its tenant must hold no other documents",
    )
    add("--keep", action="store_true", help="do not delete the documents at the end")
    add(
        "--stall",
        type=float,
        default=300.0,
        dest="stall_s",
        metavar="SECONDS",
        help="give up when no document gets ready for so long (default: %(default).0f)",
    )


def _configurations(text: str) -> tuple[Configuration, ...]:
    try:
        return tuple(configuration(name) for name in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def output(text: str) -> Path:
    """Refused before the work, not after it."""
    path = Path(text)
    if path.is_dir() or not path.resolve().parent.is_dir():
        raise argparse.ArgumentTypeError(f"'{text}' cannot be written: give a file in a folder")
    return path


def count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return int(text)
