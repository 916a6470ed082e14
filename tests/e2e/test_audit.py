"""The operator's audit, on the embedded stores and on the real ones: found, repaired, clean."""

import asyncio
import json
import os
import sys
from typing import Any

from compose.local.environment import DUMMY_CREDENTIALS
from compose.local.parts.services import environment_of
from compose.local.plan import REAL
from compose.local.system import System
from contracts.ingestion.manifest import manifest_key
from contracts.topology import CARRIER_BUCKET
from tests.e2e.looking import remove_from_graph, remove_from_index
from tests.e2e.person import Person


async def audit(system: System, tenant: str, *options: str) -> tuple[int, set[tuple[str, str]]]:
    """The exit code, and (kind, document or object) of each difference."""
    environment = os.environ | environment_of(system.plan, system.layout) | DUMMY_CREDENTIALS
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.gateway.audit", "--tenant", tenant, "--json", *options),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, problems = await process.communicate()
    found: list[dict[str, Any]] = [json.loads(line) for line in told.splitlines()]
    assert process.returncode in (0, 1), problems.decode()
    return process.returncode, {(one["kind"], one["document_id"] or one["key"]) for one in found}


def spoil(system: System, remove: str, put: str) -> None:
    s3 = system.client("s3")
    s3.delete_object(Bucket=CARRIER_BUCKET, Key=remove)
    s3.put_object(Bucket=CARRIER_BUCKET, Key=put, Body=b"{}")
    s3.close()


async def test_an_operator_finds_and_repairs_what_was_damaged(
    either: System, someone: Person
) -> None:
    documents = [
        await someone.upload(f"{word}.md", f"# {word} gate\n\nThe {word} gate closes.".encode())
        for word in ("Heron", "Osprey", "Kestrel", "Curlew")
    ]
    for one in documents:
        assert (await someone.until_final(one))["status"] == "ready"
    unread, unindexed, unnamed, kept = documents
    assert await audit(either, someone.tenant) == (0, set())

    orphan = manifest_key(someone.tenant, "nobody", 3)
    lost = manifest_key(someone.tenant, unread, 1)
    await asyncio.to_thread(spoil, either, lost, orphan)
    await remove_from_index(either, someone.tenant, unindexed)
    await remove_from_graph(either, someone.tenant, unnamed)
    code, found = await audit(either, someone.tenant)
    assert code == 1
    wanted = {
        ("missing manifest", unread),
        # The graph beside a real index still knows the version.
        ("other passages" if either.plan.stores == REAL else "not indexed", unindexed),
        ("other names in the graph", unnamed),
        ("orphan manifest", orphan),
    }
    assert found >= wanted
    assert kept not in {about for _, about in found}
    code, repaired = await audit(either, someone.tenant, "--repair")
    assert code == 0
    assert repaired >= wanted
    assert await audit(either, someone.tenant) == (0, set())
    for word, document in zip(("Heron", "Osprey", "Kestrel", "Curlew"), documents, strict=True):
        hits = (await someone.search(f"{word} gate", limit=1))["hits"]
        assert [hit["document_id"] for hit in hits] == [document]
