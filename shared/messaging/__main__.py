"""`python -m shared.messaging`: see and redrive dead letters."""

import argparse
import asyncio
import sys

from contracts.topology import QUEUES
from shared.messaging.bus import open_bus
from shared.messaging.redrive import look, redrive, waiting
from shared.settings import Settings


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m shared.messaging",
        description="Dead letters: what lies there, why, and how to send it back.",
        epilog="Settings come from RAGOPS_* variables; on one machine: set -a; . .ragops/env",
    )
    verbs = made.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="how many dead letters each queue has")
    show = verbs.add_parser("show", help="the dead letters of one queue, with their reasons")
    back = verbs.add_parser("redrive", help="send dead letters back to their queue")
    for verb in (show, back):
        verb.add_argument("queue", choices=sorted(QUEUES), metavar="QUEUE", help=", ".join(QUEUES))
    show.add_argument("--most", type=int, default=10, help="at most so many (default 10)")
    show.add_argument("--body", action="store_true", help="print the bodies too: tenants' data")
    back.add_argument("--only", metavar="ID", help="just the one with this event or message id")
    back.add_argument("--rate", type=float, default=10.0, help="messages a second (default 10)")
    return made


async def _list() -> None:
    async with open_bus(Settings()) as bus:
        for name, count in (await waiting(bus)).items():
            print(f"{count:8}  {name}")


async def _show(queue: str, most: int, *, body: bool) -> None:
    async with open_bus(Settings()) as bus:
        for message in await look(bus, QUEUES[queue], most):
            facts = message.attributes
            print(f"{facts.get('event_id') or message.id}  {facts.get('type', 'no envelope')}")
            print(f"    {facts.get('failed_at', '')}  {facts.get('reason', 'no reason given')}")
            if body:
                print(f"    {message.body}")


async def _redrive(queue: str, only: str | None, rate: float) -> None:
    def progress(moved: int) -> None:
        print(f"\r{moved} sent back", end="", file=sys.stderr, flush=True)

    async with open_bus(Settings()) as bus:
        done = await redrive(bus, QUEUES[queue], per_second=rate, only=only, progress=progress)
    print(f"\r{done.moved} sent back to {queue}, {done.left} left among the dead letters")


def main() -> None:
    asked = parser().parse_args()
    if asked.verb == "list":
        asyncio.run(_list())
    elif asked.verb == "show":
        asyncio.run(_show(asked.queue, asked.most, body=asked.body))
    else:
        asyncio.run(_redrive(asked.queue, asked.only, asked.rate))


if __name__ == "__main__":
    main()
