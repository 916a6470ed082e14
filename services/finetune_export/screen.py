"""Shows what the screening finds: `python -m services.finetune_export.screen FILE.jsonl`."""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from services.finetune_export.services.screening.people import MISSING, load_names
from services.finetune_export.services.screening.screening import Screening

AT_ONCE = 64
_EPILOG = """FILE holds a JSON object a line, {"id", "text"}. For each line the command prints
{"id", "spans": [{"start", "end", "class"}]}: offsets in characters, the end not included, sorted,
no overlaps. The classes are described in docs/screening.md.

Exit status: 0 done, 1 a line that is no such object (named on stderr, the others are screened).
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.finetune_export.screen",
        description="Find secrets and personal data in texts.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="JSON lines; - reads standard input")
    parser.add_argument(
        "--names",
        choices=("on", "off"),
        help="look for people's names with a language model "
        "(default: on where the dependency group `training` is installed)",
    )
    return parser


def _screening(names: str | None) -> Screening:
    if names == "off":
        return Screening()
    finder = load_names()
    if finder is None:
        if names == "on":
            raise SystemExit(MISSING)
        sys.stderr.write(f"{MISSING} Only rules are used.\n")
    return Screening(finder)


def _lines(file: Path) -> Iterator[str]:
    if str(file) == "-":
        yield from sys.stdin
        return
    with file.open(encoding="utf-8") as stream:
        yield from stream


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    if str(given.file) != "-" and not given.file.is_file():
        parser.error(f"{given.file} is not a file")
    screening = _screening(given.names)
    status = 0
    for numbered in _batches(_lines(given.file)):
        records = [record for record in map(_record, numbered) if record]
        status = status or int(len(records) < len(numbered))
        found = screening.findings_of([text for _, text in records])
        for (name, _), findings in zip(records, found, strict=True):
            spans = [{"start": f.start, "end": f.end, "class": f.kind} for f in findings]
            sys.stdout.write(json.dumps({"id": name, "spans": spans}, ensure_ascii=False) + "\n")
    return status


def _batches(lines: Iterator[str]) -> Iterator[list[tuple[int, str]]]:
    """Lines with their numbers, some at a time."""
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    while batch := list(islice(numbered, AT_ONCE)):
        yield batch


def _record(numbered: tuple[int, str]) -> tuple[Any, str] | None:
    number, line = numbered
    try:
        record = json.loads(line)
        name, text = record["id"], record["text"]
    except (ValueError, KeyError, TypeError):
        text = None
    if not isinstance(text, str):
        sys.stderr.write(f"line {number} is not an object with an `id` and a `text`; left out\n")
        return None
    return name, text


if __name__ == "__main__":
    raise SystemExit(main())
