"""The sample documents: uploaded at the first start, over HTTP like anyone's."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import httpx

from compose.local.errors import LocalError
from compose.local.system import System
from contracts.ingestion.life_cycle import FINAL

FOLDER = Path(__file__).parent / "samples"
_WAIT_S = 120.0
_LOOK_S = 0.2


async def upload_samples(system: System) -> None:
    """Returns when they can be asked about; later starts upload nothing: deleted stays deleted."""
    done = system.layout.samples
    if done.exists():
        return
    headers = {"Authorization": f"Bearer {system.token}"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, trust_env=False) as http:
        names = {}
        for path in sorted(path for path in FOLDER.iterdir() if path.is_file()):
            system.progress.begin(path.name, "its place in the search")
            names[await _upload(http, path.name, path.read_bytes())] = path.name
        ready = await _until_final(http, system, names)
    done.touch()
    if late := set(names.values()) - ready:
        system.progress.say(
            f"Not ready to be asked about: {', '.join(sorted(late))}. The page tells their status."
        )


async def _upload(http: httpx.AsyncClient, name: str, body: bytes) -> str:
    """The document's id."""
    answer = await http.post("/v1/documents", files={"file": (name, body)}, data={"tags": "sample"})
    if answer.status_code != httpx.codes.ACCEPTED:
        raise LocalError(f"{name} was not accepted: {answer.status_code} {answer.text}")
    return str(answer.json()["document_id"])


async def _until_final(http: httpx.AsyncClient, system: System, names: dict[str, str]) -> set[str]:
    """Names of those that became ready, of all ids in `names`."""
    waiting, ready = dict(names), set()
    deadline = time.monotonic() + _WAIT_S
    while waiting and time.monotonic() < deadline:
        for document_id, status in (await _statuses(http)).items():
            if status in FINAL and (name := waiting.pop(document_id, None)) is not None:
                system.progress.end(name)
                ready |= {name} if status == "ready" else set()
        await asyncio.sleep(_LOOK_S)
    return ready


async def _statuses(http: httpx.AsyncClient) -> dict[str, str]:
    """By document id; empty when there was no answer."""
    with suppress(httpx.TransportError):
        answer = await http.get("/v1/documents", params={"limit": 500})
        if answer.is_success:
            return {one["document_id"]: one["status"] for one in answer.json()["documents"]}
    return {}
