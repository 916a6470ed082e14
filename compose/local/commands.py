"""What `python -m compose.local` does: run, stop, status."""

import asyncio
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from compose.local.account import Account
from compose.local.layout import Layout
from compose.local.owner import Owner
from compose.local.process_list import Entry, alive, end, read_entries
from compose.local.progress import Terminal
from compose.local.samples import upload_samples
from compose.local.system import System

# The gateway alone may take 110 s to finish its streams.
_STOP_S = 180.0
_MIB = 1024 * 1024


@dataclass(frozen=True)
class RunOptions:
    state: Path
    port: int
    aws_port: int
    emulator: str
    stores: str
    samples: bool
    account: Account | None = None


async def run(options: RunOptions) -> None:
    """Until Ctrl-C, SIGTERM or a closed terminal; a second one cuts the services' drain short."""
    began = time.monotonic()
    with Terminal() as terminal:
        system = System(
            options.state,
            port=options.port,
            aws_port=options.aws_port,
            emulator=options.emulator,
            stores=options.stores,
            account=options.account,
            progress=terminal,
        )
        asked_to_stop = _on_signals(system, terminal)
        with suppress(asyncio.CancelledError):
            async with system:
                if options.samples:
                    await upload_samples(system)
                terminal.settle()
                _welcome(system, terminal, time.monotonic() - began)
                await asyncio.Event().wait()
        if asked_to_stop.is_set():
            terminal.say("Stopped.")


def _on_signals(system: System, terminal: Terminal) -> asyncio.Event:
    main = asyncio.current_task()
    first = asyncio.Event()

    def stop() -> None:
        if first.is_set():
            system.fleet.hurry.set()
            return
        first.set()
        terminal.settle()
        terminal.say("Stopping: the services finish what they began. Ctrl-C again: at once.")
        if main is not None:
            main.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return first


def _welcome(system: System, terminal: Terminal, seconds: float) -> None:
    memory = sum(_resident(pid) for pid in system.fleet.pids().values()) / _MIB
    terminal.say(
        f"\nReady in {seconds:.1f} s, {memory:.0f} MiB. Open this link:\n\n    {system.link}\n\n"
        f"AWS emulator: {system.plan.aws_url} (for the AWS CLI: set -a; . {system.layout.env})\n"
        f"State and logs: {system.layout.root}. Stop: Ctrl-C, or `make stop` elsewhere.\n"
    )


def stop(state: Path) -> str:
    """Ends the run of this state folder, or what a killed one left; says what it did."""
    layout = Layout(state.resolve())
    owner = Owner.read(layout.run)
    process = owner.process() if owner is not None else None
    if process is not None:
        process.terminate()
        with suppress(psutil.TimeoutExpired):
            process.wait(_STOP_S)
    left = end(read_entries(layout.processes))
    layout.run.unlink(missing_ok=True)
    if left:
        return "Ended what was left of a killed run: " + ", ".join(left)
    return "Stopped." if process is not None else "Nothing was running."


def status(state: Path) -> tuple[str, bool]:
    """A table of the processes, and whether the system runs."""
    layout = Layout(state.resolve())
    owner = Owner.read(layout.run)
    running = owner is not None and owner.process() is not None
    entries = alive(read_entries(layout.processes))
    lines = [_line(entry, layout) for entry in entries]
    total = sum(_resident(entry.pid) for entry in entries) / _MIB
    left = "A killed run left these; `make stop` ends them:" if entries else "Does not run."
    head = f"Runs at {owner.url}" if owner is not None and running else left
    return "\n".join([head, *lines, f"{total:7.0f} MiB in all"] if lines else [head]), running


def _line(entry: Entry, layout: Layout) -> str:
    hours = (time.time() - entry.created) / 3600
    log = layout.logs / f"{entry.name}.log"
    memory = _resident(entry.pid) / _MIB
    return f"{memory:7.0f} MiB  {hours:6.1f} h  {entry.pid:8}  {entry.name:16} {log}"


def _resident(pid: int) -> int:
    """Bytes of a process and its children; shared pages count once where the system tells."""
    total = 0
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", 0) or memory.rss
    return total
