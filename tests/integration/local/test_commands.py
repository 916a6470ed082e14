"""What the commands say when nothing runs, when something was left, and when it runs already."""

import subprocess
import sys
from pathlib import Path

import pytest

from compose.local.__main__ import main
from compose.local.commands import status, stop
from compose.local.errors import AlreadyRunning
from compose.local.layout import Layout
from compose.local.owner import Owner
from compose.local.process_list import Entry, ProcessList
from compose.local.system import System
from tests.integration.local.processes import SLEEPER


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.prepare()
    return made


def test_nothing_runs(layout: Layout) -> None:
    assert stop(layout.root) == "Nothing was running."
    assert status(layout.root) == ("Does not run.", False)


def test_what_a_killed_run_left_is_shown_and_ended(layout: Layout) -> None:
    left = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
    ProcessList(layout.processes).add(Entry.of("memory", left.pid))
    Owner(left.pid, 0.0, "http://127.0.0.1:1").write(layout.run)
    shown, running = status(layout.root)
    assert not running
    assert "A killed run left these" in shown
    assert "memory" in shown
    assert stop(layout.root) == "Ended what was left of a killed run: memory"
    left.wait(5)
    assert status(layout.root) == ("Does not run.", False)


async def test_a_second_run_of_the_same_state_is_refused_with_the_way_out(layout: Layout) -> None:
    Owner.here("http://127.0.0.1:8080").write(layout.run)
    with pytest.raises(AlreadyRunning, match="make stop"):
        async with System(layout.root):
            pass
    assert layout.run.exists(), "the run that is there keeps its file"


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("run", "stop", "status", "RAGOPS_LLM_URL", ".ragops/env"))
