"""`python -m shared.client.evaluate FOLDER`: how well a running system retrieves."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from shared.client.client import open_client
from shared.client.errors import ClientError
from shared.client.evaluate.dataset import Dataset, read_dataset
from shared.client.evaluate.evaluation import Evaluation
from shared.client.evaluate.options import Options, parse
from shared.client.evaluate.results import (
    Result,
    check_comparable,
    differences,
    read_results,
    result_of,
    write_run,
)
from shared.client.evaluate.searching import Run
from shared.client.evaluate.tables import differences_table, results_table
from shared.client.evaluate.tenant import mint, read_secret, read_token, throwaway_name
from shared.client.progress import bar_of, bars

_PIPED_WIDTH = 130
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    notes = Console(stderr=True)
    try:
        dataset = read_dataset(options.folder).limited(options.limit_queries)
        earlier = _earlier(options, dataset)
        runs = asyncio.run(_measure(options, dataset, notes))
        results = {name: result_of(run, dataset.qrels) for name, run in runs.items()}
        _write(options, runs, results)
        _show(options, dataset, results, earlier)
    except ClientError as error:
        notes.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        notes.print("Stopped.")
        return _INTERRUPTED
    return 0


def _earlier(options: Options, dataset: Dataset) -> Mapping[str, Result]:
    """The results to compare with; none when none were named."""
    if options.compare is None:
        return {}
    earlier = read_results(options.compare)
    measured = {configuration.name for configuration in options.configurations}
    check_comparable(earlier, measured, dataset.queries.keys())
    return earlier


async def _measure(options: Options, dataset: Dataset, notes: Console) -> dict[str, Run]:
    evaluation = Evaluation(
        dataset,
        options.configurations,
        concurrency=options.concurrency,
        keep=options.keep,
        stall_s=options.stall_s,
    )
    token = _token(options, dataset.name, notes)
    with bars(notes) as progress:
        async with open_client(options.url, token) as client:
            return await evaluation(client, bar_of(progress))


def _token(options: Options, dataset: str, notes: Console) -> str:
    if options.token_file is not None:
        return read_token(options.token_file)
    tenant = options.tenant or throwaway_name(dataset)
    token = mint(read_secret(options.secret_file), tenant)
    kept = f"; to use its documents again: --tenant {tenant} --keep" if options.keep else ""
    notes.print(f"Tenant {tenant}{kept}", markup=False, highlight=False)
    return token


def _write(options: Options, runs: Mapping[str, Run], results: Mapping[str, Result]) -> None:
    if options.json_file is not None:
        options.json_file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if options.run_file is not None:
        for name, run in runs.items():
            write_run(_run_path(options.run_file, name, alone=len(runs) == 1), run)


def _run_path(path: Path, name: str, *, alone: bool) -> Path:
    return path if alone else path.with_name(f"{path.stem}.{name}{path.suffix}")


def _show(
    options: Options,
    dataset: Dataset,
    results: Mapping[str, Result],
    earlier: Mapping[str, Result],
) -> None:
    console = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
    console.print(results_table(dataset.name, results, options.concurrency))
    for name, result in results.items():
        for leg, count in result["missed_legs"].items():
            console.print(f"{name}: {leg} did not run in {count} searches", style="yellow")
    if any(result["missed_legs"] for result in results.values()):
        console.print("A leg that is out of time is left out: try --concurrency 1", style="yellow")
    if earlier:
        both = {name: result for name, result in results.items() if name in earlier}
        found = {name: differences(result, earlier[name]) for name, result in both.items()}
        console.print(differences_table(f"Difference from {options.compare}", found))
