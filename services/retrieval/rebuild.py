"""Fills the search stores from the manifests: `python -m services.retrieval.rebuild`."""

import argparse
import asyncio
import sys

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from services.retrieval.bootstrap import rebuilding
from services.retrieval.models.embedding_space import OtherEmbeddingSpace
from services.retrieval.services.indexing.rebuilding import Rebuilt
from services.retrieval.settings import RetrievalSettings
from services.retrieval.store.sqlite.store import InUse
from shared.errors import CannotStart, Unavailable
from shared.observability import configure_logs

_EPILOG = """\
The carrier bucket holds a manifest of every version that is shown, and of some earlier ones: text,
names and vectors. This command fills the store that the settings (RAGOPS_*) name from them: an
index that was lost, another kind of store, or the index of another embedding model. It writes only
what is missing, so you can run it again.

To change the embedding model while searches go on:
  1. Run
         RAGOPS_EMBEDDING_MODEL=new RAGOPS_EMBEDDING_DIMENSION=1024 \\
             python -m services.retrieval.rebuild
     It embeds every passage anew, which costs money, into an index beside the one that serves; then
     it switches the alias. Running processes keep to their own index.
  2. Start retrieval and ingestion with the new settings, and stop the old ones.
  3. Run the same command once more with --remove-others: it adds the documents that came meanwhile,
     and removes the indices of other models.
"""


class _Bar:
    """A progress bar for each round over the documents."""

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
        "--remove-others",
        action="store_true",
        help="then remove the indices of other models",
    )
    return parser


async def _rebuild(console: Console, *, switch: bool, remove_others: bool) -> Rebuilt:
    columns = (*Progress.get_default_columns()[:3], MofNCompleteColumn(), TimeRemainingColumn())
    async with rebuilding(RetrievalSettings()) as (rebuild, store):
        with Progress(*columns, console=console) as progress:
            rebuilt = await rebuild.run(_Bar(progress))
        if switch and not rebuilt.unreadable:
            await store.serve()
            if remove_others:
                removed = await store.remove_others()
                console.print(f"removed: {', '.join(removed) or 'nothing, there was no other'}")
    return rebuilt


def main(arguments: list[str] | None = None) -> int:
    """0, or 1 when a manifest could not be read, or 2 when a store or model could not be used."""
    given = _parser().parse_args(arguments)
    configure_logs("retrieval", "ERROR")
    console = Console(stderr=True, highlight=False)
    try:
        work = _rebuild(console, switch=not given.no_switch, remove_others=given.remove_others)
        rebuilt = asyncio.run(work)
    except (CannotStart, InUse, OtherEmbeddingSpace, Unavailable) as error:
        console.print(
            f"{error}\nRepair this and run it again: the passages written so far are kept."
        )
        return 2
    sys.stdout.write(f"{rebuilt.documents} documents, {rebuilt.passages} passages written.\n")
    for key, reason in rebuilt.unreadable.items():
        sys.stdout.write(f"left out: {key}: {reason}\n")
    return 1 if rebuilt.unreadable else 0


if __name__ == "__main__":
    raise SystemExit(main())
