"""Asks the lake by SQL: `python -m services.finetune_export.ask "SELECT …"`."""

import argparse
import asyncio
import csv
import sys

from services.finetune_export.bootstrap import asking
from services.finetune_export.models.missing import MissingGroup
from services.finetune_export.services.asking import Answer
from services.finetune_export.settings import FinetuneExportSettings
from shared.errors import Unavailable
from shared.observability import configure_logs

_EPILOG = """The table is called turns. It has a row for each archived turn of a closed day, and the
columns tenant and day beside those of the files. The answer is CSV with a head.

example:
  set -a; . .ragops/env; set +a
  python -m services.finetune_export.ask "SELECT model, count(*) FROM turns GROUP BY 1"
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.finetune_export.ask",
        description="Ask the lake of archived turns by SQL (DuckDB).",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sql", help="a SELECT over the table turns")
    parser.add_argument("--tenant", help="this tenant's turns alone (default: all)")
    return parser


async def _ask(sql: str, tenant: str | None) -> Answer:
    async with asking(FinetuneExportSettings()) as lake:
        return await lake.ask(sql, tenant)


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    configure_logs("finetune_export", "ERROR")
    try:
        columns, rows = asyncio.run(_ask(given.sql, given.tenant))
    except (MissingGroup, Unavailable, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
