"""A process under watch: started, probed, restarted with backoff when it dies, stopped."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

from compose.local.environment import child_environment
from compose.local.errors import PartFailed
from compose.local.logs import rotate, tail
from compose.local.parts.part import Part
from compose.local.process_list import Entry, ProcessList
from compose.local.progress import Progress

_PROBE_S = 0.05
_START_S = 90.0
_FIRST_BACKOFF_S = 0.5
# What it crashed for, a store that was away, is often back within seconds.
_MAX_BACKOFF_S = 5.0
# After this long without a crash the next one starts counting anew.
_HEALTHY_S = 60.0


class Supervised:
    """Keeps one part running until `stop` or `hold`; tells of every crash with its last lines."""

    def __init__(self, part: Part, logs: Path, processes: ProcessList, progress: Progress) -> None:
        self.part = part
        self.crashes = 0
        self.log = logs / f"{part.name}.log"
        self._processes = processes
        self._progress = progress
        self._log_start = 0
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """None while it is down."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Returns when the part is ready; raises PartFailed with the end of its log."""
        if self.part.waits_for:
            self._progress.begin(self.part.name, self.part.waits_for)
        await self._spawn()
        await self._until_ready()
        self._watch = asyncio.create_task(self._keep_alive(), name=f"watch {self.part.name}")
        if self.part.waits_for:
            self._progress.end(self.part.name)

    async def hold(self, number: int = signal.SIGKILL) -> None:
        """Takes it down and leaves it down until `start`."""
        await self._unwatch()
        if self.pid is not None:
            os.killpg(self.pid, number)
        await self._ended()

    def crash(self) -> None:
        """Kills it behind the watch's back: it comes up again by itself."""
        if self.pid is not None:
            os.killpg(self.pid, signal.SIGKILL)

    async def stop(self, hurry: asyncio.Event) -> None:
        """Asks it to end, waits its grace (1 s once `hurry` is set), then kills its group."""
        await self._unwatch()
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, self.part.stop_signal)
        if not await self._ends_within(self.part.grace_s, hurry):
            self._progress.say(f"{self.part.name} did not stop in time: killed")
        with suppress(ProcessLookupError):  # its own children, if any were left behind
            os.killpg(pid, signal.SIGKILL)
        await self._ended()

    async def _spawn(self) -> None:
        rotate(self.log)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.part.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=child_environment(self.part.env, self.part.aws),
                cwd=self.part.cwd,
                start_new_session=True,  # Ctrl-C is for us alone: we stop the parts in order
            )
        with suppress(psutil.NoSuchProcess):  # ended already: the caller notices next
            self._processes.add(Entry.of(self.part.name, self._process.pid, self.part.stop_signal))

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + _START_S
        while not await self.part.ready():
            if self.pid is None:
                raise PartFailed(self._told("ended before it was ready"))
            if time.monotonic() > deadline:
                raise PartFailed(self._told(f"was not ready after {_START_S:.0f} s"))
            await asyncio.sleep(_PROBE_S)

    async def _keep_alive(self) -> None:
        backoff = _FIRST_BACKOFF_S
        while True:
            began = time.monotonic()
            await self._ended()
            backoff = _FIRST_BACKOFF_S if time.monotonic() - began > _HEALTHY_S else backoff
            self.crashes += 1
            self._progress.say(self._told(f"ended unexpectedly; again in {backoff:.1f} s"))
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _MAX_BACKOFF_S)
            await self._respawn()

    async def _respawn(self) -> None:
        await self._spawn()
        try:
            await self._until_ready()
        except PartFailed as failure:
            self._progress.say(str(failure))
        else:
            self._progress.say(f"{self.part.name} was started again")

    async def _ended(self) -> None:
        if self._process is not None:
            await self._process.wait()
            self._processes.remove(self.part.name)

    async def _ends_within(self, seconds: float, hurry: asyncio.Event) -> bool:
        ended = asyncio.create_task(self._ended())
        hurried = asyncio.create_task(hurry.wait())
        await asyncio.wait({ended, hurried}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if hurried.done():
            await asyncio.wait({ended}, timeout=1.0)
        hurried.cancel()
        done = ended.done()
        ended.cancel()
        return done

    async def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait({self._watch})
            self._watch = None

    def _told(self, what: str) -> str:
        code = self._process.returncode if self._process else None
        status = f" (exit status {code})" if code is not None else ""
        end = tail(self.log, self._log_start)
        return f"{self.part.name} {what}{status}. The end of {self.log}:\n{end}"
