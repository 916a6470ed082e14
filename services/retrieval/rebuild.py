"""Fills the search stores from the manifests: `python -m services.retrieval.rebuild`."""

import argparse
import asyncio
import sys

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from services.retrieval.bootstrap import rebuilding
from services.retrieval.models.mapping import MappingMismatch
from services.retrieval.services.rebuilding import Rebuilt
from services.retrieval.settings import RetrievalSettings
from services.retrieval.store.sqlite.connections import InUse
from shared.errors import Unavailable
from shared.observability import configure_logs

_EPILOG = """\
Every version that counts lies in the carrier bucket as a manifest: text, names and vectors. From
there this makes what the settings (RAGOPS_*) name: an index that was lost, another kind of store,
or the index of another embedding model. Doing it again does only what is missing.

another embedding model, without a moment in which nothing is found:
  1. RAGOPS_EMBEDDING_MODEL=new RAGOPS_EMBEDDING_DIMENSION=1024 \\
         python -m services.retrieval.rebuild
     embeds every passage anew (this costs) into an index beside the one that is served, then
     switches the alias. Running processes keep to their own index.
  2. Start retrieval and ingestion with the new settings, and stop the old ones.
  3. Run the same command once more, with --retire: it adds what came meanwhile, and removes the
     indices of other models.
"""


class _Bar:
    """A bar for each round over the documents."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("listing the manifests", total=None)

    def round(self, documents: int) -> None:
        self._progress.reset(self._task, total=documents, description="documents")

    def done(self) -> None:
        self._progress.advance(self._task)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.retrieval.rebuild",
        description="Fill the search stores from the manifests.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--no-switch", action="store_true", help="fill the index, but do not serve it yet"
    )
    parser.add_argument(
        "--retire", action="store_true", help="then remove the indices of other models"
    )
    return parser


async def _rebuild(console: Console, *, switch: bool, retire: bool) -> Rebuilt:
    columns = (*Progress.get_default_columns()[:3], MofNCompleteColumn(), TimeRemainingColumn())
    async with rebuilding(RetrievalSettings()) as (rebuild, store):
        with Progress(*columns, console=console) as progress:
            rebuilt = await rebuild(_Bar(progress))
        if switch and not rebuilt.unreadable:
            await store.serve()
            if retire:
                gone = await store.retire()
                console.print(f"removed: {', '.join(gone) or 'nothing, there was no other'}")
    return rebuilt


def main(arguments: list[str] | None = None) -> int:
    """1 when a manifest could not be read, 2 when it could not work."""
    given = _parser().parse_args(arguments)
    configure_logs("retrieval", "ERROR")
    console = Console(stderr=True, highlight=False)
    try:
        work = _rebuild(console, switch=not given.no_switch, retire=given.retire)
        rebuilt = asyncio.run(work)
    except (InUse, MappingMismatch, Unavailable) as error:
        console.print(f"{error}\nWhat was done is kept: run it again when that is mended.")
        return 2
    sys.stdout.write(f"{rebuilt.documents} documents, {rebuilt.passages} passages written.\n")
    for key, reason in rebuilt.unreadable.items():
        sys.stdout.write(f"left out: {key}: {reason}\n")
    return 1 if rebuilt.unreadable else 0


if __name__ == "__main__":
    raise SystemExit(main())
