"""`python -m tests.integration.ingestion.fuzz` (`make fuzz`): hostile files through the parser.

Each file must end read or rejected with a reason, within the time and the memory of a file, and the
process that reads files must not end. The exit code is 1 when one did not.
"""

import argparse
import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from contracts.ingestion.media_types import KNOWN
from services.ingestion.models.errors import ParserCrashed, Rejected
from services.ingestion.services.reading.ocr import find_ocr
from services.ingestion.services.reading.parser import MEMORY_MB, Parser, open_parser
from tests.integration.ingestion.hostile import bombs, broken

SECONDS_MAX = 30.0
# Until a process that takes longer has ended.
_GRACE_S = 2.0
# Recognising a picture takes a second, however it is broken.
SCANNED_AT_MOST = 20


@dataclass
class Row:
    """What became of the files of one kind."""

    ends: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    megabytes: float = 0.0
    bad: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        return (
            not self.bad and self.slowest <= SECONDS_MAX + _GRACE_S and self.megabytes <= MEMORY_MB
        )


async def tried(parser: Parser, extension: str, files: Iterable[tuple[str, bytes]]) -> Row:
    row, scans = Row(), 0
    for name, body in files:
        began = time.monotonic()
        try:
            parsed = await parser.parse(body, KNOWN[extension])
            if parsed.scanned and scans < SCANNED_AT_MOST:
                scans += 1
                await parser.recognise(body, KNOWN[extension], parsed)
            row.ends["read"] += 1
        except Rejected as error:
            row.ends[error.code] += 1
        except ParserCrashed as error:
            row.ends["crashed"] += 1
            row.bad.append(f"{name}: {error}")
        row.slowest = max(row.slowest, time.monotonic() - began)
        row.megabytes = max(row.megabytes, peak())
    return row


def peak() -> float:
    """The most memory (MB) that a process of the parser has had so far."""
    found = [0.0]
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(OSError, KeyError):
            told = Path(f"/proc/{child.pid}/status").read_text().splitlines()
            lines = dict(line.split(":", 1) for line in told)
            found.append(int(lines["VmHWM"].split()[0]) / 1024)
    return max(found)


async def run(kinds: Iterable[str], count: int, seed: int) -> bool:
    kept = True
    _show("kind", "files", "slowest s", "peak MB", "ends")
    for kind in kinds:
        # A process of its own for each kind, so that the peak is the kind's.
        async with open_parser(1, SECONDS_MAX, ocr=find_ocr("eng", 5)) as parser:
            if kind == "bombs":
                rows = [
                    await tried(parser, name.rpartition(".")[2], [(name, body)])
                    for name, body in bombs().items()
                ]
                row = Row(
                    sum((one.ends for one in rows), Counter()),
                    max(one.slowest for one in rows),
                    max(one.megabytes for one in rows),
                    [bad for one in rows for bad in one.bad],
                )
            else:
                files = (
                    (f"{seed}/{kind}/{n}", body) for n, body in enumerate(broken(kind, count, seed))
                )
                row = await tried(parser, kind, files)
        ends = ", ".join(f"{end} {n}" for end, n in row.ends.most_common())
        _show(kind, row.ends.total(), f"{row.slowest:.2f}", f"{row.megabytes:.0f}", ends)
        for bad in row.bad[:5]:
            _show("", "", "", "", bad)
        kept &= row.kept
    return kept


def _show(kind: str, *rest: object) -> None:
    files, slowest, memory, ends = rest
    print(f"{kind:10} {files:>6} {slowest:>10} {memory:>8}  {ends}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", help="extensions, or `bombs`; all, if none is named")
    parser.add_argument("--count", type=int, default=1_000, help="files of each kind")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    kinds = given.kinds or ["bombs", *sorted(KNOWN)]
    return 0 if asyncio.run(run(kinds, given.count, given.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
