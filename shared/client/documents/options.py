"""The command line for many documents."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.ingestion.life_cycle import LISTS, SHOWN
from shared.client.client import Selection

# Which documents a verb is meant for, where none is named by its id.
STATES: Mapping[str, tuple[str, ...]] = {
    "retry": LISTS["faulty"],
    "cancel": LISTS["claimable"],
    "reindex": ("ready",),
    "delete": tuple(state for state in SHOWN if state != "deleted"),
}
_EPILOG = """\
verbs:
  list     show documents with their state, timings, cost and, if they failed, the next step
  retry    work on rejected and failed documents again, from the beginning
  cancel   stop work on documents that wait, are parsed or are embedded; retry goes on
  reindex  read ready documents anew from the same bytes, as their next version
  delete   remove documents for good

Choose documents by their ids, or by --state, --tag and --query together. Without any of them,
--all says that you mean all of the tenant's documents for which the verb is meant. Documents that
you may not see are never among them. The command shows what it would do and asks, unless you say
--yes.

It ends with 0 when everything was done, 1 when something was not (the reasons are printed), 2 for
wrong options.

examples (in another terminal: make run):
  python -m shared.client.documents list --state failed
  python -m shared.client.documents retry --state failed --wait
  python -m shared.client.documents cancel --query scans/2019 --yes
  python -m shared.client.documents reindex --tag handbook --wait
  python -m shared.client.documents delete --tag trial
"""


@dataclass(frozen=True)
class Options:
    """`ids` exclude a selection; no ids and no selection mean all documents (`every`)."""

    verb: str
    ids: tuple[str, ...]
    selection: Selection
    every: bool
    yes: bool
    wait: bool
    url: str
    token_file: Path
    stall_s: float


def parse(arguments: list[str] | None = None) -> Options:
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    selection = Selection(given.pop("state"), given.pop("query"), given.pop("tag"))
    ids = tuple(dict.fromkeys(given.pop("ids")))
    options = Options(ids=ids, selection=selection, **given)
    chosen = selection != Selection()
    if ids and (chosen or options.every):
        parser.error("give ids, or --state, --tag, --query and --all, but not both")
    if options.verb != "list" and not (ids or chosen or options.every):
        parser.error(f"say which documents to {options.verb}: ids, --state, --tag, --query, --all")
    return options


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m shared.client.documents",
        description="Does something with many documents of a running system at once.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("verb", choices=("list", *STATES), metavar="VERB", help="list, " + ", ".join(STATES))
    add("ids", nargs="*", metavar="ID", help="the documents' ids")
    states = STATES["delete"]
    add("--state", choices=states, metavar="STATE", help="only these: " + ", ".join(states))
    add("--tag", metavar="TAG", help="only documents with this tag")
    add("--query", metavar="TEXT", help="only documents with this in their name, in any case")
    add("--all", action="store_true", dest="every", help="all documents the verb is meant for")
    add("--yes", action="store_true", help="do not ask first")
    add("--wait", action="store_true", help="after retry and reindex: until they have ended")
    group = made.add_argument_group("the system")
    group.add_argument(
        "--url", default="http://127.0.0.1:8080", help="of the gateway (default: %(default)s)"
    )
    group.add_argument(
        "--token-file",
        type=Path,
        default=Path(".ragops/token"),
        metavar="FILE",
        help="an access token of the tenant (default: %(default)s)",
    )
    group.add_argument(
        "--stall",
        type=float,
        default=300.0,
        dest="stall_s",
        metavar="SECONDS",
        help="with --wait: give up when no document ends for so long (default: %(default).0f)",
    )
    return made
