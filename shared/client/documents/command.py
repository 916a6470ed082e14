"""`python -m shared.client.documents VERB`: what becomes of many documents."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.gateway.http import DocumentView
from shared.client.client import Client, open_client
from shared.client.documents.options import STATES, Options, parse
from shared.client.errors import ClientError, Refused
from shared.client.evaluate.tenant import read_token
from shared.client.pool import each
from shared.client.progress import bar_of, bars
from shared.client.waiting import wait_for_all

_AT_ONCE = 8
_SHOWN = 10
_PIPED_WIDTH = 160
_INTERRUPTED = 130
_DONE = {
    "retry": "retried",
    "cancel": "cancelled",
    "reindex": "sent to be read anew",
    "delete": "deleted",
}
_AWAITED = ("retry", "reindex")


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    notes = Console(stderr=True)
    try:
        return asyncio.run(_run(options, notes))
    except ClientError as error:
        notes.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        notes.print("Stopped. What was done stays done; say the same again for the rest.")
        return _INTERRUPTED


async def _run(options: Options, notes: Console) -> int:
    async with open_client(options.url, read_token(options.token_file)) as client:
        documents = await _chosen(client, options)
        if options.verb == "list":
            Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH).print(_table(documents))
            return 0
        if not documents:
            notes.print(f"There is no document to {options.verb}.")
            return 0
        if not options.yes and not _agreed(options.verb, documents, notes):
            notes.print("Nothing was done.")
            return 1
        return await _Work(client, options, notes).do(documents)


async def _chosen(client: Client, options: Options) -> list[DocumentView]:
    """A selection leaves out documents for which the verb is not meant; an id does not."""
    if options.ids:
        return [await client.document(document_id) for document_id in options.ids]
    states = STATES.get(options.verb)
    listed = [document async for document in client.documents(options.selection)]
    return [one for one in listed if states is None or one.status in states]


def _agreed(verb: str, documents: Sequence[DocumentView], notes: Console) -> bool:
    for document in documents[:_SHOWN]:
        notes.print(f"  {document.name} ({document.status})", markup=False, highlight=False)
    if len(documents) > _SHOWN:
        notes.print(f"  … and {len(documents) - _SHOWN} more")
    if not sys.stdin.isatty():
        notes.print("Say --yes to go on without being asked.")
        return False
    answer = notes.input(f"{verb.capitalize()} {_counted(len(documents))}? (y/n) ")
    return answer.strip().lower() in ("y", "yes")


class _Work:
    """One verb for many documents; what is refused is told at the end and stops nothing."""

    def __init__(self, client: Client, options: Options, notes: Console) -> None:
        self._client, self._options, self._notes = client, options, notes
        self._refused: list[tuple[str, str]] = []

    async def do(self, documents: Sequence[DocumentView]) -> int:
        """The exit code."""
        verb = self._options.verb
        act: Callable[[str], Awaitable[DocumentView]] = getattr(self._client, verb)
        done: dict[str, str] = {}
        with bars(self._notes) as progress:
            bar = bar_of(progress)
            advance = bar(verb, len(documents))

            async def one(document: DocumentView) -> None:
                try:
                    await act(document.document_id)
                    done[document.document_id] = document.name
                except Refused as error:
                    if error.status not in (404, 409):
                        raise
                    self._refused.append((document.name, error.detail))
                advance(1)

            await each(documents, one, _AT_ONCE)
            ended: dict[str, DocumentView] = {}
            if self._options.wait and verb in _AWAITED and done:
                ended = await wait_for_all(
                    self._client,
                    done.keys(),
                    stall_s=self._options.stall_s,
                    on_ended=bar("ended", len(done)),
                )
        self._print(f"{_counted(len(done))} {_DONE[verb]}.")
        bad = [view for view in ended.values() if view.status != "ready"]
        for view in bad:
            words = view.error.message if view.error else ""
            self._print(f"{view.name} is {view.status}: {words}", "yellow")
        for name, words in self._refused:
            self._print(f"{name}: {words}", "yellow")
        return 1 if bad or self._refused else 0

    def _print(self, text: str, style: str | None = None) -> None:
        self._notes.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _table(documents: Sequence[DocumentView]) -> Table:
    table = Table(title=_counted(len(documents)), title_justify="left")
    for column in ("id", "name", "state"):
        table.add_column(column, overflow="fold")
    for column in ("passages", "attempts", "seconds", "USD"):
        table.add_column(column, justify="right")
    table.add_column("what to do", overflow="fold")
    for one in documents:
        progress = "" if one.progress is None else f" {one.progress:.0%}"
        table.add_row(
            one.document_id,
            escape(one.name),
            one.status + progress,
            str(one.counts.chunks or ""),
            str(one.attempts or ""),
            f"{sum(one.stages.values()):.1f}" if one.stages else "",
            f"{one.cost_usd:.6f}" if one.cost_usd else "",
            escape(one.error.message) if one.error else "",
        )
    return table


def _counted(number: int) -> str:
    return f"{number} document{'' if number == 1 else 's'}"
