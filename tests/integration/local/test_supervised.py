"""Supervision: readiness, crashes, stops and what a killed run leaves behind."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from compose.local.errors import PartFailed
from compose.local.process_list import Entry, ProcessList, alive, end, read_entries
from compose.local.progress import Silent
from shared.testing.probe import until
from tests.integration.local.processes import SLEEPER, STUBBORN, supervised


async def test_it_is_started_noted_and_stopped(tmp_path: Path) -> None:
    part = supervised(tmp_path, SLEEPER)
    await part.start()
    (entry,) = read_entries(tmp_path / "processes.json")
    assert entry.pid == part.pid
    await part.stop(asyncio.Event())
    assert part.pid is None
    assert not psutil.pid_exists(entry.pid)
    assert read_entries(tmp_path / "processes.json") == []


async def test_a_crash_is_told_with_its_last_lines_and_mended(tmp_path: Path) -> None:
    progress = Silent()
    part = supervised(tmp_path, SLEEPER, progress=progress)
    await part.start()
    before = part.pid
    part.crash()
    await until(lambda: part.pid not in (None, before))
    assert part.crashes == 1
    told = next(line for line in progress.lines if "ended unexpectedly" in line)
    assert "exit status -9" in told
    assert "    up" in told
    await part.stop(asyncio.Event())


async def test_a_held_part_stays_down_until_it_is_started(tmp_path: Path) -> None:
    part = supervised(tmp_path, SLEEPER)
    await part.start()
    await part.hold()
    assert part.pid is None
    assert part.crashes == 0
    await part.start()
    assert part.pid is not None
    await part.stop(asyncio.Event())


async def test_one_that_cannot_start_fails_with_the_end_of_its_log(tmp_path: Path) -> None:
    part = supervised(tmp_path, "raise SystemExit('no such database')")
    with pytest.raises(PartFailed, match="no such database"):
        await part.start()


async def test_one_that_does_not_listen_is_killed_after_its_grace(tmp_path: Path) -> None:
    progress = Silent()
    part = supervised(tmp_path, STUBBORN, grace_s=0.3, progress=progress)
    await part.start()
    await part.stop(asyncio.Event())
    assert part.pid is None
    assert any("did not stop in time" in line for line in progress.lines)


async def test_hurry_cuts_the_grace_short(tmp_path: Path) -> None:
    part = supervised(tmp_path, STUBBORN, grace_s=60.0)
    await part.start()
    hurry = asyncio.Event()
    hurry.set()
    began = time.monotonic()
    await part.stop(hurry)
    assert time.monotonic() - began < 10.0
    assert part.pid is None


def test_what_a_killed_run_left_is_found_and_ended(tmp_path: Path) -> None:
    left = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
    ProcessList(tmp_path / "processes.json").add(Entry.of("memory", left.pid))
    entries = read_entries(tmp_path / "processes.json")
    assert [entry.name for entry in alive(entries)] == ["memory"]
    assert end(entries) == ["memory"]
    assert alive(entries) == []
    left.wait(5)


def test_a_process_with_the_same_id_that_started_later_is_not_ours(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
    try:
        ours = Entry("memory", stranger.pid, psutil.Process(stranger.pid).create_time() - 60)
        assert alive([ours]) == []
        assert end([ours]) == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
