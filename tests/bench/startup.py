"""From the start of every process to the first answer, and what they then hold in memory."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from compose.local.system import System
from contracts.topology import SERVICES
from tests.bench.figures import Figure

# 20 s where the imports take 5 s: seconds alone depend on the machine.
START_LIMIT = 4.0
MEMORY_LIMIT_GB = 1.5
QUESTION = "Who approves a business trip?"
DOCUMENT = "# Travel\n\nA business trip is approved by the head of the department.\n"


async def measure() -> list[Figure]:
    bare_s = _imports()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = time.perf_counter()
        async with System(Path(folder)) as system:
            up_s = time.perf_counter() - started
            await _answer(system)
            took_s = time.perf_counter() - started
            resident = sum(_resident(pid) for pid in system.fleet.pids().values()) / 1e9
    detail = f"{took_s:.1f} against {bare_s:.1f} s, ready {up_s:.1f} s"
    return [
        Figure(
            "start to a first answer / bare imports",
            took_s / bare_s,
            START_LIMIT,
            "",
            False,
            detail,
        ),
        Figure("all processes resident", resident, MEMORY_LIMIT_GB, "GB", False),
    ]


def _imports() -> float:
    """Seconds in which five processes import a service each, one after the other."""
    started = time.perf_counter()
    for service in SERVICES:
        code = f"import services.{service}.main, services.{service}.bootstrap"
        subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


async def _answer(system: System) -> None:
    headers = {"Authorization": f"Bearer {system.token}"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=60) as client:
        sent = await client.post("/v1/documents", files={"file": ("travel.md", DOCUMENT)})
        document_id = sent.raise_for_status().json()["document_id"]
        while (await client.get(f"/v1/documents/{document_id}")).json()["status"] != "ready":
            pass
        answer = await client.post("/v1/chat", json={"question": QUESTION})
        assert "event: done" in answer.text, answer.text


def _resident(pid: int) -> int:
    """With its children, each counted by its proportional share of what it shares."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return sum(int(one.memory_full_info().pss) for one in family)
