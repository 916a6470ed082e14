"""The first start as a person sees it: after "Ready", the README's first question is answered."""

import asyncio
import signal
import sys
from pathlib import Path

from compose.local.layout import REPOSITORY
from compose.local.ports import free_ports
from compose.local.samples import FOLDER
from tests.e2e.person import Person


async def test_ready_means_that_the_samples_answer(tmp_path: Path) -> None:
    port, aws_port = free_ports(2)
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "compose.local", "run", "--state", str(tmp_path / "state")),
        *("--port", str(port), "--aws-port", str(aws_port)),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        shown = await asyncio.wait_for(_until_ready(run), 180)
        token = (tmp_path / "state" / "token").read_text().strip()
        async with Person.at(f"http://127.0.0.1:{port}", token, "demo") as me:
            turn = await me.ask("What may a hotel in Denmark cost?")
    finally:
        run.send_signal(signal.SIGTERM)
        await run.communicate()
    assert run.returncode == 0
    assert turn.names()[-1] == "done"
    assert turn.one("citations")[0]["name"] == "travel-policy.docx"
    assert "155" in turn.text
    for sample in FOLDER.iterdir():
        assert f"✓ {sample.name}" in shown


async def _until_ready(run: asyncio.subprocess.Process) -> str:
    """What it printed up to then."""
    assert run.stdout is not None
    shown = ""
    while "Ready in" not in shown:
        line = (await run.stdout.readline()).decode()
        assert line, shown
        shown += line
    return shown
