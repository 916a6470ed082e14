"""`python -m shared.client.answers SET`: how well a running system answers."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from contracts.gateway.http_prompts import PromptBody
from shared.client.answers.agreement import (
    Labelled,
    Verdicts,
    agreements,
    judge_all,
    read_labelled,
    read_verdicts,
    write_verdicts,
)
from shared.client.answers.asking import Asking
from shared.client.answers.judging import Judging, name_judge
from shared.client.answers.options import Options, parse
from shared.client.answers.questions import QuestionSet, read_questions
from shared.client.answers.recorded import Recorded, read_recorded
from shared.client.answers.results import differences, figures, read_values, values_of, write_run
from shared.client.answers.tables import agreement_table, confusion_table, figure_table
from shared.client.client import Client, open_client
from shared.client.errors import ClientError
from shared.client.evaluate.errors import EvaluationError
from shared.client.evaluate.tenant import mint, read_secret, read_token, throwaway_name
from shared.client.progress import Bar, bar_of, bars

_SCOPE = "documents:read documents:write search chat admin"
_PIPED_WIDTH = 100
_INTERRUPTED = 130
# A judge writes its reason first, and answers in one piece.
_TIMEOUT_S = 120.0


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    notes = Console(stderr=True)
    console = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
    try:
        if options.compare is not None:
            first, second = options.compare
            found = differences(read_values(second), read_values(first))
            console.print(figure_table(f"{second.name} minus {first.name}", found, signed=True))
        elif options.agreement is not None:
            _agree(options, options.agreement, console, notes)
        elif options.folder is not None:
            _measure(options, options.folder, console, notes)
    except ClientError as error:
        notes.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        notes.print("Stopped.")
        return _INTERRUPTED
    return 0


def _measure(options: Options, folder: Path, console: Console, notes: Console) -> None:
    questions = read_questions(folder)
    questions = replace(questions, questions=questions.questions[: options.limit_questions])
    recorded = asyncio.run(_recorded(options, questions, notes))
    values = values_of(questions, recorded)
    if options.json_file is not None:
        write_run(options.json_file, recorded, values)
    version = recorded.prompt.version if recorded.prompt else "unknown"
    title = f"{questions.name}, {len(values)} questions, prompt version {version}"
    console.print(figure_table(title, figures(values), signed=False))
    if cached := sum(one.cached for one in recorded.answers):
        words = f"{cached} answers came from the cache: their latency and cost are not a model's."
        console.print(words, style="yellow")
    if judges := sorted({one.judged.model for one in recorded.answers if one.judged}):
        console.print(f"Judged by {', '.join(judges)}.", markup=False)
    _tell_not_judged({one.id: one.not_judged for one in recorded.answers}, console)


def _agree(options: Options, path: Path, console: Console, notes: Console) -> None:
    labelled = read_labelled(path)[: options.limit_questions]
    if options.recorded is not None:
        verdicts = read_verdicts(options.recorded)
    else:
        verdicts = asyncio.run(_verdicts(options, path.stem, labelled, notes))
    found = agreements(labelled, verdicts)
    if options.json_file is not None:
        write_verdicts(options.json_file, verdicts, found)
    title = f"{path.stem}, judged by {verdicts.models}"
    console.print(agreement_table(title, found))
    for name, one in found.items():
        console.print(confusion_table(name, one))
    _tell_not_judged({one.id: verdicts.not_judged.get(one.id) for one in labelled}, console)


def _tell_not_judged(reasons: dict[str, str | None], console: Console) -> None:
    told = {name: reason for name, reason in reasons.items() if reason is not None}
    if told:
        name, reason = next(iter(told.items()))
        words = f"Not judged, and so not counted: {len(told)}. Such as {name}: {reason}"
        console.print(words, style="yellow", markup=False)


async def _recorded(options: Options, questions: QuestionSet, notes: Console) -> Recorded:
    """Asked now, or recorded earlier; then the system is needed only to judge."""
    if options.recorded is None:
        prompt = _prompt(options.prompt_file) if options.prompt_file else None
        asking = Asking(
            questions, prompt, options.concurrency, options.keep, options.stall_s, options.judge
        )
        async with _system(options, questions.name, notes) as (client, bar):
            return await asking.run(client, bar)
    recorded = read_recorded(options.recorded)
    if not options.judge:
        return recorded
    values_of(questions, recorded)  # a question without an answer is told before the judge is paid
    async with _system(options, questions.name, notes) as (client, bar):
        judging = Judging(client, options.concurrency)
        answers = await judging.all_of(questions.questions, recorded.answers, bar)
    return recorded.model_copy(update={"answers": answers})


async def _verdicts(
    options: Options, name: str, labelled: list[Labelled], notes: Console
) -> Verdicts:
    async with _system(options, name, notes) as (client, bar):
        return await judge_all(name, labelled, Judging(client, options.concurrency), bar)


@asynccontextmanager
async def _system(options: Options, name: str, notes: Console) -> AsyncIterator[tuple[Client, Bar]]:
    tenant = options.tenant or throwaway_name(name)
    token = _token(options, tenant, notes)
    with bars(notes) as progress:
        async with open_client(options.url, token, timeout_s=_TIMEOUT_S) as client:
            if options.judge_model is not None:
                await name_judge(client, tenant, options.judge_model)
            yield client, bar_of(progress)


def _prompt(path: Path) -> PromptBody:
    try:
        return PromptBody.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise EvaluationError(
            f"{path} cannot be read as a prompt ({error}). It should hold"
            ' {"system": "…", "parameters": {…}}.'
        ) from None


def _token(options: Options, tenant: str, notes: Console) -> str:
    if options.token_file is not None:
        return read_token(options.token_file)
    notes.print(f"Tenant {tenant}", markup=False, highlight=False)
    # An operator's scope only where the run gives its tenant a judge.
    scope = f"{_SCOPE} platform" if options.judge_model else _SCOPE
    return mint(read_secret(options.secret_file), tenant, scope)
