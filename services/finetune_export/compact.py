"""Compacts the archive into the lake: `python -m services.finetune_export.compact`."""

import argparse
import asyncio
import sys
from datetime import date

from services.finetune_export.bootstrap import compacting
from services.finetune_export.models.missing import MissingGroup
from services.finetune_export.settings import FinetuneExportSettings
from shared.errors import Unavailable
from shared.observability import configure_logs

_EPILOG = """The lake holds a Parquet file for each tenant and day (UTC): facts and hashes of its
turns, no words. A day that is compacted again is the same file, unless its turns have changed.

example:
  set -a; . .ragops/env; set +a
  python -m services.finetune_export.compact
  python -m services.finetune_export.compact --tenant demo --day 2026-11-26
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.finetune_export.compact",
        description="Compact the closed days of the archive that the lake does not hold.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--day", type=date.fromisoformat, help="this day, whether the lake holds it or not"
    )
    parser.add_argument("--tenant", help="this tenant alone (default: all)")
    return parser


async def _compact(day: date | None, tenant: str | None) -> int:
    async with compacting(FinetuneExportSettings()) as compaction:
        wanted = compaction.due() if day is None else compaction.on(day)
        count = 0
        async for name, its_day in wanted:
            if tenant in (None, name):
                done = await compaction.compact(name, its_day)
                state = "written" if done.new else "unchanged"
                sys.stdout.write(f"{name} {its_day}: {done.turns} turns, {state}\n")
                count += 1
    return count


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    configure_logs("finetune_export", "ERROR")
    try:
        count = asyncio.run(_compact(given.day, given.tenant))
    except (MissingGroup, Unavailable, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{count} days compacted.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
