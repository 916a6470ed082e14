"""Search stores of the other kind than last time: emptied, then filled from the manifests."""

import asyncio
import shutil
import sys
from collections.abc import Mapping

from compose.local.environment import child_environment
from compose.local.errors import LocalError
from compose.local.layout import REPOSITORY, Layout
from compose.local.logs import tail
from compose.local.plan import EMBEDDED
from compose.local.progress import Progress


def lags(layout: Layout, stores: str) -> bool:
    """Whether documents came, changed or went while the other kind was in use."""
    if layout.stores.exists():
        return layout.stores.read_text() != stores
    # From before there was a choice.
    return stores != EMBEDDED and any(layout.search.glob("search-*.db"))


def empty(layout: Layout, stores: str) -> None:
    """What these stores still hold may have been deleted since: they begin anew."""
    kept = (layout.search,) if stores == EMBEDDED else (layout.opensearch, layout.neo4j)
    for folder in kept:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()


async def fill(
    layout: Layout, environment: Mapping[str, str], aws: Mapping[str, str], progress: Progress
) -> None:
    """The operators' own command, before any service runs; raises LocalError with its log's end."""
    progress.begin("search stores", "the passages of all documents, from their manifests")
    log = layout.logs / "rebuild.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.retrieval.rebuild"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=child_environment(environment, aws),
            cwd=REPOSITORY,
        )
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
    if code:
        raise LocalError(f"The search stores could not be filled. The end of {log}:\n{tail(log)}")
    progress.end("search stores")
