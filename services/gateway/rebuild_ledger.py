"""Makes a lost ledger again: `python -m services.gateway.rebuild_ledger`."""

import argparse
import asyncio
import sys

from services.gateway.bootstrap import rebuilding
from services.gateway.settings import GatewaySettings
from shared.errors import CannotStart, DeadlineMissed, RequestRefused, Unavailable
from shared.observability import configure_logs

_EPILOG = """Use it when gateways answer 503 `ledger_missing`: Redis has lost what was spent. Model
calls and tenants' settings are read from the archive, which finetune_export hands out, so that
service must run. Gateways may run meanwhile; each tenant opens when its sums are whole. On a
new system, whose archive is empty, it opens the ledger. Run it again when the queue finetune-events
had a backlog: calls that are counted already change nothing.

example:
  set -a; . .ragops/env; set +a
  python -m services.gateway.rebuild_ledger
"""


def _progress(tenant: str, count: int) -> None:
    sys.stderr.write(f"\r{tenant}: {count} ")
    sys.stderr.flush()


async def _rebuild() -> int:
    async with rebuilding(GatewaySettings()) as work:
        return await work.rebuild(_progress)


def main(arguments: list[str] | None = None) -> int:
    argparse.ArgumentParser(
        prog="python -m services.gateway.rebuild_ledger",
        description="Make the ledger again from the archive of usage.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    configure_logs("gateway", "ERROR")
    try:
        counted = asyncio.run(_rebuild())
    except (CannotStart, DeadlineMissed, RequestRefused, Unavailable) as error:
        sys.stderr.write(f"\n{error}\nRun it again: calls that were counted count once.\n")
        return 2
    sys.stdout.write(f"\r{counted} archived model calls are counted; the ledger is open.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
