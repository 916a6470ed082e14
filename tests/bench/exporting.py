"""A training set of many archived turns: the command that operators run, over the emulator's S3."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from compose.local.parts.services import environment_of
from compose.local.system import System
from contracts.gateway.turns import PromptPart, PromptSent, Quoted, TurnSource
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.models.archived_usage import ArchivedSettings
from services.finetune_export.settings import FinetuneExportSettings
from services.finetune_export.store.archive import Archive
from services.finetune_export.store.objects import Objects
from services.finetune_export.store.usage_archive import UsageStore
from shared.aws import Clients
from tests.bench.figures import Figure
from tests.bench.ran import ran
from tests.unit.finetune_export.fake_exports import a_turn

# The limits are those of this many.
WHOLE = 100_000
TURNS = int(os.environ.get("RAGOPS_BENCH_TURNS", "0")) or 5_000
CPU_MIN, MEMORY_MB = 15.0, 400.0
SOURCES, SENTENCES, DOCUMENTS = 5, 4, 500
WRITERS, TENANT = 32, "acme"
COMMAND = (
    *(sys.executable, "-m", "services.finetune_export.export"),
    *("--tenant", TENANT, "--format", "sagemaker-chat", "--base-model", "any", "--without-names"),
)


def _turn(n: int) -> ArchivedTurn:
    """With sources as long as those of real turns; all but the first come again in others."""
    plain = a_turn(n)
    (said,) = plain.body["sources"]
    said_again = a_turn(n % DOCUMENTS).body["sources"][0]["text"]
    texts = [
        said["text"],
        *(f"Clause {one}. {said_again} " * SENTENCES for one in range(1, SOURCES)),
    ]
    sources = tuple(
        TurnSource(**said | {"n": one + 1, "document_id": f"d{n % DOCUMENTS}-{one}", "text": text})
        for one, text in enumerate(texts)
    )
    parts = [
        PromptPart(
            role="user",
            text=f"[{source.n}] {source.text}\n",
            quotes=(Quoted(document_id=source.document_id, ordinal=1),),
        )
        for source in sources
    ]
    question = PromptPart(role="user", text=f"Question: {plain.body['question']}")
    prompt = PromptSent(system="Answer from the sources.", parts=(*parts, question), max_tokens=500)
    return a_turn(n, user=f"user{n % 40:02}", sources=sources, prompt=prompt)


async def _fill(system: System) -> None:
    """Writes what the service itself would have written, one tenant's turns and its consent."""
    told = environment_of(system.plan, system.layout)
    settings = FinetuneExportSettings(
        aws_endpoint_url=told["RAGOPS_AWS_ENDPOINT_URL"], name_prefix=system.plan.name_prefix
    )
    async with AsyncExitStack() as stack:
        s3 = await Clients(stack, settings).open("s3", connections=WRITERS)
        objects = Objects(s3, settings.resource(settings.archive_bucket))
        agreed = ArchivedSettings(tenant=TENANT, revision=1, body={"consent_to_training": True})
        await UsageStore(objects).write_settings(agreed)
        archive, numbers = Archive(objects), iter(range(TURNS))
        await asyncio.gather(*(_write(archive, numbers) for _ in range(WRITERS)))


async def _write(archive: Archive, numbers: Iterator[int]) -> None:
    for n in numbers:
        await archive.write_once(_turn(n))


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with System(Path(folder)) as system:
            await _fill(system)
            told = os.environ | environment_of(system.plan, system.layout)
            done = await asyncio.to_thread(ran, COMMAND, told)
    assert done.code == 0, done.told
    about = f"{TURNS:,} turns of {SOURCES} sources, S3 calls included"
    minutes = done.cpu_s / TURNS * WHOLE / 60
    return [
        Figure(f"CPU of an export of {WHOLE:,} turns", minutes, CPU_MIN, "min", False, about),
        Figure("memory of an export", done.memory_mb, MEMORY_MB, "MB", False, f"{TURNS:,} turns"),
    ]
