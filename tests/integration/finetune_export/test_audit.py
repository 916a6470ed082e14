"""The audit log: a line an act, in one chain a writer, sealed by day; a changed byte is found."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from compose.local.provision import provision
from contracts.gateway.erasures import UserErasedV1
from contracts.ingestion.events import DocumentDeletedV1
from contracts.platform.usage import TenantChangedV1
from services.finetune_export import verify
from services.finetune_export.bootstrap import asking, verifying
from services.finetune_export.models.audit import Act
from services.finetune_export.services.auditing import Auditing, Sealing, Verifying
from services.finetune_export.store.audit_log import AuditStore
from services.finetune_export.store.objects import Objects
from shared.aws import Clients
from shared.errors import Unavailable
from shared.settings import Settings
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from tests.integration.finetune_export.conftest import AT, NOTHING, Archived, a_source, a_turn

ACT = Act(tenant="acme", who="ann", what="erased", event_id="e1", counts={"turns": 2})


class SetClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class Log:
    """A writer, a clock and a bucket that is looked into."""

    def __init__(self, archived: Archived, store: AuditStore) -> None:
        self.s3, self.store, self.clock = archived.s3, store, SetClock()
        self.bucket = archived.settings.resource(archived.settings.audit_bucket)

    def writer(self, name: str) -> Auditing:
        return Auditing(self.store, self.clock, name, b"key")

    def keys(self, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", [])]

    def body(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def put(self, key: str, body: bytes) -> None:
        """As whoever tampers: a version over the one that is locked."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    async def seal(self) -> int:
        return await Sealing(self.store, self.clock).seal()

    async def faults(self) -> list[str]:
        return (await Verifying(self.store).verify()).faults


@pytest.fixture
async def log(archived: Archived) -> AsyncIterator[Log]:
    async with AsyncExitStack() as stack:
        s3 = await Clients(stack, archived.settings).open("s3")
        bucket = archived.settings.resource(archived.settings.audit_bucket)
        yield Log(archived, AuditStore(Objects(s3, bucket)))


async def three_days(log: Log) -> None:
    """Two writers; on the first two days each notes three acts, one by one."""
    one, two = log.writer("one"), log.writer("two")
    for _ in range(2):
        for n in range(3):
            await one.note(ACT.model_copy(update={"event_id": f"e{n}"}))
            await two.note(ACT.model_copy(update={"event_id": f"f{n}"}))
        log.clock.at += timedelta(days=1)
    assert await log.seal() == 2


async def test_a_sound_log_has_no_faults_and_is_sealed_once(log: Log) -> None:
    await three_days(log)
    assert await log.seal() == 0
    await log.writer("three").note(ACT)
    found = await Verifying(log.store).verify()
    assert (found.lines, found.writers, found.seals, found.unsealed) == (13, 3, 2, 1)
    assert found.faults == []
    assert log.keys("seals/") == ["seals/2026-01-01.json", "seals/2026-01-02.json"]


async def test_a_changed_byte_in_any_line_or_seal_is_found(log: Log) -> None:
    await three_days(log)
    keys = log.keys()
    assert len(keys) == 12 + 2
    for key in keys:
        body = log.body(key)
        changed = body.replace(b'"n":', b'"n":1', 1) if key.startswith("seals") else None
        log.put(key, changed or body.replace(b'"turns":2', b'"turns":3'))
        assert len(await log.faults()) >= 1, key
        log.put(key, body)
    assert await log.faults() == []


async def test_a_removed_and_an_added_line_are_found(log: Log) -> None:
    await three_days(log)
    for key in (log.keys("lines/")[2], log.keys("lines/")[-1]):
        body = log.body(key)
        log.put(key, b"")
        assert len(await log.faults()) >= 1
        log.put(key, body + body)
        assert len(await log.faults()) >= 1
        log.put(key, body)
    assert await log.faults() == []


async def test_acts_at_once_share_an_object_in_one_chain(log: Log) -> None:
    writer = log.writer("one")
    acts = [ACT.model_copy(update={"event_id": f"e{n}"}) for n in range(40)]
    await asyncio.gather(*(writer.note(act) for act in acts))
    found = await Verifying(log.store).verify()
    assert (found.lines, found.faults) == (40, [])
    assert len(log.keys("lines/")) < 5


@pytest.mark.parametrize("written", [True, False])
async def test_a_write_that_fails_breaks_no_chain(log: Log, written: bool) -> None:
    """The answer is lost, whether or not the line was written."""
    fired: list[str] = []

    class Failing(AuditStore):
        async def write(self, key: str, body: bytes) -> bool:
            if fired:
                return await super().write(key, body)
            fired.append(key)
            if written:
                await super().write(key, body)
            raise Unavailable("s3")

    writer = Auditing(Failing(log.store._objects), log.clock, "one", b"key")
    with pytest.raises(Unavailable):
        await writer.note(ACT)
    # The next one comes after midnight, under another day.
    log.clock.at += timedelta(days=1)
    await writer.note(ACT)
    found = await Verifying(log.store).verify()
    assert (fired != [], found.lines, found.faults) == (True, 1 + written, [])


async def test_what_the_service_does_is_noted_without_names(archived: Archived) -> None:
    await archived.hear(a_turn("t1", a_source("d1")))
    await archived.hear(DocumentDeletedV1(document_id="d1", ordinal=1))
    await archived.hear(UserErasedV1(erasure_id="e1", user="ann", asked_until=AT))
    await archived.hear(TenantChangedV1(revision=4))
    bucket = archived.settings.resource(archived.settings.audit_bucket)
    keys = [one["Key"] for one in archived.s3.list_objects_v2(Bucket=bucket)["Contents"]]
    written = b"".join(
        archived.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys
    )
    lines: list[dict[str, Any]] = [json.loads(line) for line in written.splitlines()]
    assert [(one["what"], one["tenant"]) for one in lines] == [
        ("document_cut", "acme"),
        ("erased", "acme"),
        ("tenant_changed", "acme"),
    ]
    assert lines[1]["counts"] == NOTHING | {"turns": 1}
    assert len(lines[1]["who"]) == 64
    assert b"ann" not in written


async def test_who_reads_the_lake_is_noted_before_he_reads(archived: Archived) -> None:
    async with asking(archived.settings) as lake:
        with pytest.raises(ValueError, match=r"\w"):
            await lake.ask("SELECT secret", "acme")
    async with verifying(archived.settings) as verification:
        found = await verification.verify()
    assert (found.lines, found.faults) == (1, [])
    bucket = archived.settings.resource(archived.settings.audit_bucket)
    [key] = [one["Key"] for one in archived.s3.list_objects_v2(Bucket=bucket)["Contents"]]
    line = archived.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert json.loads(line)["what"] == "lake_asked"
    assert b"secret" not in line


def test_the_command_names_what_is_wrong(
    archived: Archived, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket = archived.settings.resource(archived.settings.audit_bucket)
    monkeypatch.setattr(verify, "FinetuneExportSettings", lambda: archived.settings)
    assert verify.main([]) == 0
    assert "0 faults" in capsys.readouterr().out
    archived.s3.put_object(Bucket=bucket, Key="lines/2026-01-01/one/0000000001.jsonl", Body=b"x\n")
    assert verify.main([]) == 1
    assert "WRONG lines/2026-01-01/one/0000000001.jsonl" in capsys.readouterr().out


async def test_the_emulator_keeps_what_is_locked(moto_url: str) -> None:
    settings = Settings(
        aws_endpoint_url=moto_url, aws_account=MOTO_ACCOUNT, name_prefix=own_prefix()
    )
    await provision(settings)
    async with AsyncExitStack() as stack:
        s3 = await Clients(stack, settings).open("s3")
        bucket = settings.resource("ragops-audit")
        await AuditStore(Objects(s3, bucket)).write("lines/x", b"1")
        listed = await s3.list_object_versions(Bucket=bucket)
        [version] = [one["VersionId"] for one in listed["Versions"]]
        with pytest.raises(ClientError, match="AccessDenied"):
            await s3.delete_object(Bucket=bucket, Key="lines/x", VersionId=version)
