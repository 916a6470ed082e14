"""Publishes archived turns again: `python -m services.finetune_export.replay --days 7`."""

import argparse
import asyncio
import sys
from datetime import date, timedelta

from services.finetune_export.bootstrap import replaying
from services.finetune_export.settings import FinetuneExportSettings
from shared.clock import SystemClock
from shared.errors import CannotStart, Unavailable
from shared.observability import configure_logs

_EPILOG = """Use it when memory has lost its table: TurnCompleted of these days is published again
under its own id. Memory takes what it lacks; archive and registry change nothing.

example:
  set -a; . .ragops/env; set +a
  python -m services.finetune_export.replay --days 7 --tenant demo
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.finetune_export.replay",
        description="Publish archived turns again, to fill memory from the archive.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--days", type=int, default=7, help="how many days back (default 7)")
    parser.add_argument("--tenant", help="this tenant's turns only (default: all)")
    return parser


async def _replay(since: date, tenant: str | None) -> int:
    async with replaying(FinetuneExportSettings()) as replay:
        return await replay.publish_since(since, tenant, _progress)


def _progress(sent: int) -> None:
    sys.stderr.write(f"\r{sent}")
    sys.stderr.flush()


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.days < 1:
        parser.error("--days must be 1 or more")
    configure_logs("finetune_export", "ERROR")
    since = (SystemClock().now() - timedelta(days=given.days)).date()
    try:
        sent = asyncio.run(_replay(since, given.tenant))
    except (CannotStart, Unavailable) as error:
        sys.stderr.write(f"\n{error}\nRun it again: turns that were sent change nothing.\n")
        return 2
    sys.stdout.write(f"\r{sent} turns published again.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
