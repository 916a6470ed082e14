"""Compares every store of a tenant: `python -m services.gateway.audit --tenant demo [--repair]`."""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict

from rich.console import Console
from rich.progress import Progress

from services.gateway.bootstrap import auditing
from services.gateway.models.difference import Difference
from services.gateway.settings import GatewaySettings
from shared.errors import CannotStart, DeadlineMissed, RequestRefused, Unavailable
from shared.observability import configure_logs

DAY_S = 24 * 3600
_EPILOG = """\
Compared are the registry (PostgreSQL), manifests and uploads (S3), passages and heads (OpenSearch
or SQLite) and the graph (Neo4j or SQLite). The command asks the services over their queues, with
the settings (RAGOPS_*) of a gateway. Documents in work are passed over.

What --repair does:
  not indexed, other version shown, other passages or names   indexed again from the manifest
  missing manifest                                            read again from the original
  missing original                                            the registry forgets it
  unknown in the registry; indexed, but not ready             deleted from the index
  orphan manifest, orphan upload, stray names                 removed

A registry that was restored from an old backup does not know the newer documents: look at the list
before you repair, since they would be deleted from the index.

An upload without a document is an orphan when no message can bring it any more: after 19 days. With
--unused-days 0 also the uploads of documents that wait in a queue count, and would be lost.
"""
_NOT_BEGUN = "cannot be repaired: upload the document again"


class _Shown:
    """Counts on a terminal, and nothing elsewhere."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks = {
            what: progress.add_task(what, total=None) for what in ("documents", "objects")
        }

    def looked(self, what: str, count: int) -> None:
        task = self._tasks[what]
        self._progress.advance(task, count)
        done = int(self._progress.tasks[task].completed)
        self._progress.update(task, description=f"{what} compared: {done}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.gateway.audit",
        description="Compare every store of a tenant with the registry, and list what differs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tenant", required=True, help="whose documents")
    parser.add_argument("--repair", action="store_true", help="repair what differs")
    parser.add_argument("--json", action="store_true", help="a JSON object for each difference")
    parser.add_argument("--unused-days", type=float, help="age of an orphan upload (default: 19)")
    return parser


async def _audit(given: argparse.Namespace) -> int:
    """How many differences stay."""
    found = left = 0
    with Progress(*Progress.get_default_columns()[:1], console=Console(stderr=True)) as progress:
        days = given.unused_days
        unused_s = None if days is None else days * DAY_S
        async with auditing(GatewaySettings(), _Shown(progress), unused_s) as audit:
            async for group in audit.differences(given.tenant):
                told = await audit.repair(given.tenant, group) if given.repair else group
                found += len(told)
                left += sum(one.open for one in told)
                for one in told:
                    sys.stdout.write(_line(one, as_json=given.json) + "\n")
    if not given.json:
        repaired = f", {found - left} repaired" if given.repair else ""
        sys.stdout.write(f"{found} differences{repaired}.\n")
    return left


def _line(one: Difference, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(asdict(one) | {"open": one.open})
    if one.repair is None:
        return one.words
    return f"{one.words}: {one.repair or _NOT_BEGUN}"


def main(arguments: list[str] | None = None) -> int:
    """0; 1 when something differs that was not repaired; 2 when a service did not answer."""
    given = _parser().parse_args(arguments)
    configure_logs("gateway", "ERROR")
    try:
        return 1 if asyncio.run(_audit(given)) else 0
    except (CannotStart, DeadlineMissed, RequestRefused, Unavailable) as error:
        sys.stderr.write(f"{error}\nSee that all services run, and start the audit again.\n")
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
