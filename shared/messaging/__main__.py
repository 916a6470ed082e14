"""`python -m shared.messaging`: see the queues; see, redrive and discard dead letters."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.topology import QUEUES
from shared.blobs import open_blobs
from shared.messaging.bus import Bus, open_bus
from shared.messaging.redrive import Redriven, discard, loads, look, redrive
from shared.settings import Settings

_EPILOG = """settings come from RAGOPS_* variables; on one machine: set -a; . .ragops/env; set +a

examples:
  python -m shared.messaging list
  python -m shared.messaging show ingestion-documents
  python -m shared.messaging redrive ingestion-documents --only 6ad2
  python -m shared.messaging discard ingestion-documents --only 6ad2
"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m shared.messaging",
        description="See how full the queues are, and handle their dead letters.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = made.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="depth, age and dead letters of each queue")
    show = verbs.add_parser("show", help="the dead letters of one queue, with their reasons")
    back = verbs.add_parser("redrive", help="send dead letters back to their queue")
    gone = verbs.add_parser("discard", help="delete dead letters for good")
    for verb in (show, back, gone):
        verb.add_argument("queue", choices=sorted(QUEUES), metavar="QUEUE", help=", ".join(QUEUES))
    show.add_argument("--most", type=int, default=10, help="at most so many (default 10)")
    show.add_argument("--body", action="store_true", help="print the bodies too: tenants' data")
    back.add_argument("--only", metavar="ID", help="just the one with this event or message id")
    back.add_argument("--rate", type=float, default=10.0, help="messages a second (default 10)")
    which = gone.add_mutually_exclusive_group(required=True)
    which.add_argument("--only", metavar="ID", help="the one with this event or message id")
    which.add_argument("--all", action="store_true", help="all that lie there now")
    return made


@asynccontextmanager
async def _bus() -> AsyncIterator[Bus]:
    settings = Settings()
    async with open_blobs(settings) as blobs, open_bus(settings, blobs) as bus:
        yield bus


async def _list() -> None:
    line = "{:>8} {:>9} {:>8} {:>9} {:>6}  {}"
    print(line.format("waiting", "in flight", "delayed", "oldest s", "dead", "queue"))
    async with _bus() as bus:
        for name, load in (await loads(bus)).items():
            age = "-" if load.oldest_s is None else f"{load.oldest_s:.0f}"
            depth = load.depth
            counts = (depth.waiting, depth.in_flight, depth.delayed)
            print(line.format(*counts, age, load.dead_letters, name))


async def _show(queue: str, most: int, *, body: bool) -> None:
    async with _bus() as bus:
        for message in await look(bus, QUEUES[queue], most):
            facts = message.attributes
            print(f"{facts.get('event_id') or message.id}  {facts.get('type', 'no envelope')}")
            print(f"    {facts.get('failed_at', '')}  {facts.get('reason', 'no reason given')}")
            if body:
                print(f"    {await bus.body_of(message)}")


async def _redrive(queue: str, only: str | None, rate: float) -> None:
    async with _bus() as bus:
        done = await redrive(bus, QUEUES[queue], per_second=rate, only=only, progress=_progress)
    _told(done, f"sent back to {queue}")


async def _discard(queue: str, only: str | None) -> None:
    async with _bus() as bus:
        done = await discard(bus, QUEUES[queue], only=only, progress=_progress)
    _told(done, f"of {queue} discarded")


def _progress(moved: int) -> None:
    print(f"\r{moved}", end="", file=sys.stderr, flush=True)


def _told(done: Redriven, what: str) -> None:
    print(f"\r{done.moved} {what}, {done.left} left among the dead letters")


def main() -> None:
    asked = parser().parse_args()
    match asked.verb:
        case "list":
            work = _list()
        case "show":
            work = _show(asked.queue, asked.most, body=asked.body)
        case "redrive":
            work = _redrive(asked.queue, asked.only, asked.rate)
        case _:
            work = _discard(asked.queue, asked.only)
    asyncio.run(work)


if __name__ == "__main__":
    main()
