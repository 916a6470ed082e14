"""`python -m tests.soak` (`make soak`): 20,000 turns of scripted users, and what is left."""

import argparse
import asyncio
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from compose.local.environment import DUMMY_CREDENTIALS
from compose.local.ports import HOST
from compose.local.system import System
from shared.client.evaluate.errors import EvaluationError
from tests.soak.library import Library, of_folder, samples
from tests.soak.report import Lines, Report
from tests.soak.sets import ENOUGH_TURNS
from tests.soak.soak import Plan, opened

_ROOT = Path(__file__).parents[2]
_SETS = Path(os.environ.get("RAGOPS_EVAL_SETS", _ROOT.parent / "shared" / "eval"))
# A machine that is busy with this is slow to answer, which is not what is looked at.
_PATIENT = {
    "RAGOPS_ERASURE_CHECK_S": "5",
    "RAGOPS_RETRIEVAL_BUDGET_MS": "20000",
    "RAGOPS_MEMORY_BUDGET_MS": "20000",
}
_EPILOG = f"""What happens: a local system is started, three tenants get documents, and users ask
about them over HTTP, in conversations of 1 to 12 turns. Half of the conversations were held before,
so their answers are cached. Some users rate or correct answers, some questions hold made-up
personal data or secrets. In the middle one user is erased, one document is deleted and one
replaced, one tenant agrees to training and later agrees no longer.

What is checked: each turn that ended with `done` is archived once; nothing of the erased user or
the deleted document is left; the lake, compacted and asked by SQL, counts the same by user; the
audit log is sound; a training set in each format is valid, is accepted by the stand-in, holds
nothing that may not be trained with and no planted value, and does not leak; the first set of each
tenant is the same bytes when other processes make it.

With fewer than {ENOUGH_TURNS:,} turns some formats get fewer records than their provider wants.
That is said then, and is no fault.

examples:
  make soak TURNS=500
  make soak SOAK_OPTIONS='--state /tmp/soak --seed 2'
  python -m tests.soak --turns 2000 --setting RAGOPS_RERANK_MODEL=null

exit status: 0 everything holds, 1 something does not (its line begins with WRONG), 2 bad options
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--turns", type=int, default=20_000, help="questions in all (default 20,000)")
    add("--users", type=int, default=200, help="users in all (default 200)")
    add("--minutes", type=float, default=math.inf, help="of talk at most (default: no end)")
    add("--at-once", type=int, default=4, help="conversations side by side (default 4)")
    add("--repeated", type=float, default=0.5, help="share of conversations that were held before")
    add("--documents", type=int, default=400, help="documents of each set (default 400)")
    add("--sets", type=Path, default=_SETS, help=f"folder of sets of documents (default {_SETS})")
    add("--seed", type=int, default=1, help="draws conversations and users (default 1)")
    add(
        "--state",
        type=Path,
        help="folder of the system, which stays (default: one that goes)",
    )
    add("--port", type=int, default=0, help="of the gateway (default: any free one)")
    add("--aws-port", type=int, default=0, help="of the AWS emulator (default: any free one)")
    add(
        "--setting",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the services, such as RAGOPS_RERANK_MODEL=null; may be given again",
    )
    return parser


def _libraries(folder: Path, documents: int) -> Sequence[Library]:
    """The samples stand beside each set's documents."""
    sets = of_folder(folder, documents)
    if not sets:
        sys.stderr.write(f"There is no set in {folder}: the sample documents alone are used.\n")
    return [samples() + one for one in sets] or [samples()]


async def _run(given: argparse.Namespace, plan: Plan, report: Report) -> None:
    lines = Lines(sys.stderr)
    settings = dict(one.split("=", 1) for one in given.setting)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        system = System(
            given.state or Path(folder) / "state",
            port=given.port,
            aws_port=given.aws_port,
            extra=_PATIENT | settings,
        )
        async with system, opened(system, plan, report, lines.bar) as soak:
            await soak.run()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.turns < 60:
        parser.error("--turns must be 60 or more: fewer make no training set")
    if any("=" not in one for one in given.setting):
        parser.error("--setting takes NAME=VALUE")
    os.environ.update(DUMMY_CREDENTIALS, NO_PROXY=f"{HOST},localhost")
    try:
        libraries = _libraries(given.sets, given.documents)
    except EvaluationError as error:
        parser.error(str(error))
    chosen = {name: getattr(given, name) for name in ("turns", "users", "repeated", "seed")}
    plan = Plan(
        libraries=libraries,
        at_once=given.at_once,
        minutes=given.minutes,
        enough=given.turns >= ENOUGH_TURNS and given.minutes == math.inf,
        **chosen,
    )
    report, began = Report(sys.stdout), time.monotonic()
    asyncio.run(_run(given, plan, report))
    minutes = (time.monotonic() - began) / 60
    wrong = "\n".join(["", *report.wrong]) if report.wrong else " Everything holds."
    sys.stdout.write(f"\n{len(report.rows)} checks in {minutes:.0f} min.{wrong}\n")
    return 0 if report.holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
