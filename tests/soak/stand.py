"""What a soak looks into beside HTTP: the archive's bucket, queues, processes, commands."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import psutil

from compose.local.environment import DUMMY_CREDENTIALS
from compose.local.parts.services import environment_of
from compose.local.system import System
from contracts.topology import ARCHIVE_BUCKET, QUEUES
from services.finetune_export.settings import FinetuneExportSettings
from shared.testing.probe import until
from tests.bench.ran import Ran, ran

EVENTS = ("finetune-events", "memory-events")
_DRAINED_S = 3600.0
_LOOK_S = 0.5
_MB = 1024 * 1024


@dataclass
class Used:
    """What a process has used meanwhile: CPU seconds, and the most memory in MB."""

    cpu_s: float = 0.0
    memory_mb: float = 0.0


@dataclass(frozen=True)
class Stand:
    """A running system, seen from inside the machine."""

    system: System

    @property
    def settings(self) -> FinetuneExportSettings:
        told = environment_of(self.system.plan, self.system.layout)
        return FinetuneExportSettings(
            aws_endpoint_url=told["RAGOPS_AWS_ENDPOINT_URL"],
            aws_account=told["RAGOPS_AWS_ACCOUNT"],
            name_prefix=self.system.plan.name_prefix,
        )

    async def keys(self, prefix: str, bucket: str = ARCHIVE_BUCKET) -> list[str]:
        found: list[str] = await self._with_s3(partial(_keys, bucket=bucket, prefix=prefix))
        return found

    async def bodies(self, keys: Iterable[str], bucket: str = ARCHIVE_BUCKET) -> dict[str, bytes]:
        read = partial(_bodies, bucket=bucket, keys=list(keys))
        found: dict[str, bytes] = await self._with_s3(read)
        return found

    async def remove(self, keys: Iterable[str]) -> None:
        """From the archive."""
        await self._with_s3(partial(_remove, keys=list(keys)))

    async def _with_s3(self, work: Callable[[Any], Any]) -> Any:
        s3 = self.system.client("s3")
        try:
            return await asyncio.to_thread(work, s3)
        finally:
            s3.close()

    async def waiting(self, names: Sequence[str]) -> int:
        """Messages in these queues, those in work too."""
        sqs = self.system.client("sqs")
        try:
            return await asyncio.to_thread(_waiting, sqs, names)
        finally:
            sqs.close()

    async def drained(self, names: Sequence[str] = EVENTS) -> None:
        """Returns when nothing waits there any more."""

        async def empty() -> bool:
            return await self.waiting(names) == 0

        await until(empty, _DRAINED_S, _LOOK_S)

    async def dead_letters(self) -> int:
        return await self.waiting([queue.dead_letters for queue in QUEUES.values()])

    async def command(self, name: str, *arguments: str, **environment: str) -> Ran:
        """One of finetune_export's, as an operator runs it."""
        told = environment_of(self.system.plan, self.system.layout)
        whole = {**os.environ, **told, **DUMMY_CREDENTIALS, **environment}
        argv = (sys.executable, "-m", f"services.finetune_export.{name}", *arguments)
        return await asyncio.to_thread(ran, argv, whole)

    @asynccontextmanager
    async def watched(self, service: str) -> AsyncIterator[Used]:
        process = psutil.Process(self.system.fleet.pids()[service])
        used, before = Used(), _cpu_s(process)

        async def look() -> None:
            while True:
                used.memory_mb = max(used.memory_mb, process.memory_info().rss / _MB)
                await asyncio.sleep(_LOOK_S)

        looking = asyncio.create_task(look())
        try:
            yield used
        finally:
            looking.cancel()
            used.cpu_s = _cpu_s(process) - before


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [one["Key"] for page in pages for one in page.get("Contents", [])]


def _bodies(s3: Any, bucket: str, keys: Sequence[str]) -> dict[str, bytes]:
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def _remove(s3: Any, keys: Sequence[str]) -> None:
    for key in keys:
        s3.delete_object(Bucket=ARCHIVE_BUCKET, Key=key)


def _waiting(sqs: Any, names: Sequence[str]) -> int:
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    count = 0
    for name in names:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
        count += sum(int(told[one]) for one in wanted)
    return count
