"""A process's life: its exit codes, its last metrics, and what it says when it cannot start."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pydantic import Field

from shared import health, lifecycle
from shared.lifecycle import Runnable, Service
from shared.observability import flush_metrics, metric
from shared.settings import Settings
from shared.testing.probe import until

CANARY = "a-very-private-sentence"


class Works:
    """A runnable that works until it is stopped, or does what it is given to do."""

    def __init__(self, does: Callable[[], Any] | None = None) -> None:
        self._stopping, self._does = asyncio.Event(), does
        self.running = self.drained = False
        self.lives = True

    async def run(self) -> None:
        self.running = True
        if self._does is not None:
            self._does()
            return
        await self._stopping.wait()
        self.drained = True

    def stop(self) -> None:
        self._stopping.set()

    def alive(self) -> bool:
        return self.lives


class NeedsMore(Settings):
    needed_url: str = Field(description="a setting without a default")
    secret: int = 1


def fail(*_: object) -> None:
    raise ValueError(CANARY)


def signalled() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def interrupted() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def nothing() -> None:
    return None


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Else the log handler of a run would outlive its captured stream."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before, level


@pytest.mark.parametrize(
    ("fails_at", "does", "code", "event"),
    [
        ("", signalled, 0, "stopped"),
        ("", interrupted, 0, "stopped"),
        ("start", nothing, 2, "could_not_start"),
        ("settings", nothing, 2, "could_not_start"),
        ("", fail, 1, "runnable_failed"),
        ("", nothing, 1, "runnable_ended"),
        ("exit", signalled, 1, "could_not_stop"),
        ("late settings", signalled, 1, "could_not_stop"),
    ],
    ids=[
        *("SIGTERM", "SIGINT", "could not start", "a setting is missing"),
        *("a runnable failed", "a runnable ended", "the exit failed", "a bad model at the exit"),
    ],
)
def test_how_it_ends(
    fails_at: str,
    does: Callable[[], None],
    code: int,
    event: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RAGOPS_SECRET", CANARY)
    other: list[Works] = []

    @asynccontextmanager
    async def bootstrap() -> AsyncIterator[Service]:
        metric("Started", 1)
        if fails_at == "start":
            fail()
        if fails_at == "settings":
            NeedsMore()
        works = does in (signalled, interrupted)
        other.append(Works())
        runnables: list[Runnable] = [other[0], Works(None if works else does)]
        if works:
            asyncio.get_running_loop().call_later(0.05, does)
        yield Service(runnables)
        metric("Ended", 1)
        if fails_at == "exit":
            fail()
        if fails_at == "late settings":
            NeedsMore()

    assert lifecycle.run("test", bootstrap) == code
    said, errors = capfd.readouterr()
    assert CANARY not in said + errors
    assert "Traceback" not in errors
    lines = [json.loads(line) for line in said.splitlines()]
    assert event in [line.get("event") for line in lines]
    names = {name for line in lines if "_aws" in line for name in line}
    assert "Started" in names  # flushed, whatever happened
    if other:
        assert "Ended" in names
        assert other[0].drained
    if fails_at == "settings":
        (told,) = (line["reason"] for line in lines if line.get("event") == event)
        assert "RAGOPS_NEEDED_URL: is not set. See docs/settings.md." in told
        assert "RAGOPS_SECRET: " in told


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RAGOPS_POLL_WAIT_S", "often", "RAGOPS_POLL_WAIT_S: Input should be a valid integer"),
        ("RAGOPS_PRICES", CANARY, "RAGOPS_PRICES: is not JSON."),
    ],
)
def test_a_bad_setting_is_told_by_its_variable_and_never_by_its_value(
    name: str,
    value: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)

    def never() -> NoReturn:
        pytest.fail("started")

    for run in (partial(lifecycle.run, "test", never), health.main):
        assert run() == 2
        error = capsys.readouterr().err
        assert error.startswith(said)
        assert value not in error or value == "often"


async def test_all_are_stopped_when_one_fails() -> None:
    first, last = Works(), Works()
    living = lifecycle.run_until_signal([first, Works(fail), last])
    assert await asyncio.wait_for(living, 5)
    assert (first.drained, last.drained) == (True, True)


async def test_a_stuck_runnable_leaves_the_heartbeat_file_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lifecycle, "_BEAT_S", 0.01)
    path, works = tmp_path / "alive", Works()
    living = asyncio.create_task(lifecycle.run_until_signal([works], path))
    await until(path.exists)
    works.lives = False
    await until(lambda: "stuck" in caplog.messages)
    path.unlink()
    count = len(caplog.messages)
    await until(lambda: len(caplog.messages) > count + 3)
    assert not path.exists()
    works.lives = True
    await until(path.exists)
    signalled()
    assert not await living


async def test_each_beat_counts_in_the_metric_by_which_silence_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lifecycle, "_BEAT_S", 0.01)
    flush_metrics()
    capsys.readouterr()
    path = tmp_path / "alive"
    living = asyncio.create_task(lifecycle.run_until_signal([Works()], path))
    await until(path.exists)
    signalled()
    assert not await living
    flush_metrics()
    assert '"Alive": [' in capsys.readouterr().out


async def test_a_heartbeat_file_that_cannot_be_written_is_told_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lifecycle, "_BEAT_S", 0.01)
    living = asyncio.create_task(
        lifecycle.run_until_signal([Works()], tmp_path / "no-folder" / "alive")
    )
    await until(lambda: caplog.messages.count("heartbeat_file_not_written") >= 2)
    signalled()
    assert not await living


@pytest.mark.parametrize(
    ("age_s", "code", "said"),
    [
        (0, 0, ""),
        (20, 0, ""),
        (40, 1, "the service is stuck"),
        (None, 1, "the service has not started"),
    ],
)
def test_the_health_check(
    age_s: float | None,
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "alive"
    monkeypatch.setenv("RAGOPS_HEARTBEAT_FILE", str(path))
    if age_s is not None:
        path.touch()
        at = path.stat().st_mtime - age_s
        os.utime(path, (at, at))
    assert health.main() == code
    assert said in capsys.readouterr().err


def test_the_health_check_wants_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RAGOPS_HEARTBEAT_FILE", raising=False)
    assert health.main() == 2
    assert "RAGOPS_HEARTBEAT_FILE" in capsys.readouterr().err
