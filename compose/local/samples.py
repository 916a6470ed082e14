"""The sample documents: handed in once, over HTTP like anyone's."""

import asyncio
import time
from pathlib import Path

import httpx

from compose.local.errors import LocalError
from compose.local.system import System
from contracts.ingestion.life_cycle import FINAL

FOLDER = Path(__file__).parent / "samples"
_WAIT_S = 120.0


async def hand_in(system: System) -> None:
    """Returns when all have ended their way; a second call does nothing: deleted stays deleted."""
    done = system.layout.samples
    if done.exists():
        return
    files = sorted(path for path in FOLDER.iterdir() if path.is_file())
    system.progress.say(f"Handing in {len(files)} sample documents, once …")
    headers = {"Authorization": f"Bearer {system.token}"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, trust_env=False) as http:
        ids = [await _upload(http, path.name, path.read_bytes()) for path in files]
        done.touch()
        states = await asyncio.gather(*(_ended(http, document_id) for document_id in ids))
    ready = states.count("ready")
    system.progress.say(f"{ready} of {len(files)} sample documents are ready to be asked about.")


async def _upload(http: httpx.AsyncClient, name: str, body: bytes) -> str:
    answer = await http.post("/v1/documents", files={"file": (name, body)}, data={"tags": "sample"})
    if answer.status_code != httpx.codes.ACCEPTED:
        raise LocalError(f"{name} was not accepted: {answer.status_code} {answer.text}")
    return str(answer.json()["document_id"])


async def _ended(http: httpx.AsyncClient, document_id: str) -> str:
    """The document's last state, or the one it had when the time was over."""
    deadline = time.monotonic() + _WAIT_S
    status = "accepted"
    while status not in FINAL and time.monotonic() < deadline:
        answer = await http.get(f"/v1/documents/{document_id}")
        status = str(answer.json()["status"]) if answer.is_success else status
        await asyncio.sleep(0.2)
    return status
