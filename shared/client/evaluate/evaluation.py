"""One evaluation from the empty tenant to the empty tenant."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.client.client import Client
from shared.client.evaluate.configuration import Configuration
from shared.client.evaluate.dataset import Dataset
from shared.client.evaluate.errors import EvaluationError
from shared.client.evaluate.files import files_of
from shared.client.evaluate.searching import Run, run_queries
from shared.client.evaluate.tenancy import Tenancy
from shared.client.progress import Bar


@dataclass(frozen=True)
class Evaluation:
    """`stall_s`: how long may pass without a document getting ready."""

    dataset: Dataset
    configurations: Sequence[Configuration]
    concurrency: int = 2
    keep: bool = False
    stall_s: float = 300.0

    async def __call__(self, client: Client, bar: Bar) -> dict[str, Run]:
        """A run for each configuration. The documents go again, whatever happens.

        Raises EvaluationError, or what the client raises.
        """
        await check_ready(client)
        tenancy = Tenancy(client, bar)
        try:
            await tenancy.fill(files_of(self.dataset.corpus), self.stall_s)
            return {c.name: await self._run(client, c, tenancy, bar) for c in self.configurations}
        finally:
            if not self.keep:
                await empty(tenancy)

    async def _run(self, client: Client, asked: Configuration, tenancy: Tenancy, bar: Bar) -> Run:
        return await run_queries(
            client,
            self.dataset.queries,
            asked,
            tenancy.corpus_ids,
            concurrency=self.concurrency,
            advance=bar(f"searches: {asked.name}", len(self.dataset.queries)),
        )


async def check_ready(client: Client) -> None:
    readiness = await client.ready()
    if not readiness.ready:
        silent = [name for name, state in readiness.services.items() if state != "ok"]
        raise EvaluationError(
            f"The system is not ready: no answer from {', '.join(silent)}. "
            "Wait until `make run` prints its link; its logs are under .ragops/logs."
        )


async def empty(tenancy: Tenancy) -> None:
    left = await tenancy.clean()
    if left:
        raise EvaluationError(
            f"{left} documents of the tenant could not be deleted: they were never taken in. "
            "Look at the dead letters: python -m shared.messaging list"
        )
