"""A lost ledger is made again from the archive, over the queues of the services that have it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from compose.local.provision import provision
from contracts.envelope import Context
from contracts.finetune_export.usage import ArchivedUsageRequestedV1, ArchivedUsageV1
from contracts.gateway.prompts import PromptMovedV1
from contracts.platform.usage import ModelUsedV2, SpendingLimits, TenantChangedV1
from services.finetune_export.bootstrap import bootstrap as open_archive
from services.finetune_export.models.training import Estimate, TrainingRequest, TrainingState
from services.finetune_export.settings import FinetuneExportSettings
from services.gateway.bootstrap import rebuilding
from services.gateway.models.prompt import Parameters, PromptVersion
from services.gateway.models.refusals import LedgerMissing
from services.gateway.models.tenant import Limits
from services.gateway.models.usage import UNREPORTED, day_of
from services.gateway.services.prompts import registered
from services.gateway.settings import GatewaySettings
from services.gateway.store.ledger_store import LedgerStore
from services.gateway.store.prompt_store import PromptStore
from shared.messaging import BusPublisher, open_bus
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from shared.testing.probe import until
from shared.testing.running import running
from tests.unit.gateway.fakes import SECRET

USED = ModelUsedV2(
    service="ingestion",
    purpose="embed_passages",
    model="m",
    calls=1,
    input_tokens=7,
    output_tokens=2,
    cost_usd=Decimal("0.25"),
)
CHANGED = TenantChangedV1(revision=1, limits=SpendingLimits(usd_month=Decimal(9)), suspended=True)

VERSION = PromptVersion.of("answer", "Be brief.", Parameters(temperature=0.5))
MOVED = PromptMovedV1(
    name="answer",
    label="canary",
    version=VERSION.version,
    weight=5,
    revision=2,
    moved_at=datetime(2026, 11, 27, tzinfo=UTC),
)


def put_trainings(archive: FinetuneExportSettings) -> None:
    """One that runs and one that has ended, as finetune_export keeps them."""
    s3: Any = boto3.client("s3", endpoint_url=archive.aws_endpoint_url, region_name="us-east-1")
    for epochs, ended_at in (("1", None), ("2", datetime.now(UTC))):
        request = TrainingRequest(
            tenant="acme",
            export_id="ab12",
            manifest_sha256="0" * 64,
            base_model="m",
            parameters={"epochCount": epochs},
        )
        state = TrainingState(
            id=request.id,
            request=request,
            estimate=Estimate(tokens=50, epochs=int(epochs), cost_usd=Decimal("1.5")),
            accepted_at=datetime.now(UTC),
            status="running" if ended_at is None else "failed",
            ended_at=ended_at,
        )
        bucket = archive.resource(archive.archive_bucket)
        s3.put_object(Bucket=bucket, Key=state.key, Body=state.model_dump_json().encode())
    s3.close()


async def test_it_counts_each_archived_call_once_and_knows_the_limits_again(
    moto_url: str, redis_url: str, redis: Redis
) -> None:
    shared = {
        "aws_endpoint_url": moto_url,
        "aws_account": MOTO_ACCOUNT,
        "name_prefix": own_prefix(),
        "poll_wait_s": 1,
    }
    archive = FinetuneExportSettings.model_validate(shared)
    gateway = GatewaySettings.model_validate(
        shared | {"token_secret": SecretStr(SECRET), "redis_ledger_url": redis_url}
    )
    await provision(archive)
    ledger, today = LedgerStore(redis, 60), day_of(datetime.now(UTC))
    async with (
        open_bus(archive, None) as bus,
        open_archive(archive, bus=bus) as service,
        running(*service.runnables),
        rebuilding(gateway) as work,
    ):
        publisher = BusPublisher(bus)
        ann, other = Context(tenant="acme", principal="ann"), Context(tenant="other")
        # The second one comes twice.
        for event_id in ("e1", "e2", "e2"):
            await publisher.publish_now("usage", USED, ann, id=event_id)
        swept = USED.model_copy(update={"purpose": UNREPORTED, "service": "gateway"})
        await publisher.publish_now("usage", swept, other, id="e1")
        await publisher.publish_now("usage", CHANGED, ann, id="s1")
        for moved in (MOVED, MOVED.model_copy(update={"revision": 3, "weight": 20})):
            await publisher.publish_now("turns", moved, ann, id=f"m{moved.revision}")
        hidden = MOVED.model_copy(update={"revision": 4, "label": "shadow", "weight": 10})
        await publisher.publish_now("turns", hidden, ann, id="m4")
        await publisher.publish_now("turns", registered(VERSION), ann, id="v1")
        later = CHANGED.model_copy(update={"revision": 2, "suspended": False})
        await publisher.publish_now("usage", later, ann, id="s2")

        async def archived() -> bool:
            asked = ArchivedUsageRequestedV1(since=today)
            found, theirs = [
                await work.requester.ask("finetune-exports", asked, ArchivedUsageV1, whose, 5000)
                for whose in (ann, other)
            ]
            return (
                len(theirs.calls) == 1
                and {call.event_id for call in found.calls} == {"e1", "e2"}
                and found.settings is not None
                and found.settings.revision == 2
                and {one.moved.revision for one in found.prompts} == {3, 4}
            )

        await until(archived, 20, 0.1)
        with pytest.raises(LedgerMissing):
            await ledger.settings("acme")
        put_trainings(archive)
        for _ in range(2):
            await work.rebuild()
        # What runs may still cost something; what has ended is counted.
        held = await redis.hmget("ledger:{acme}:holds", ["nano", "tokens"])
        assert held == [b"1500000000", b"50"]
        totals = await ledger.totals("acme", today)
        assert (totals.of_month.tokens, totals.of_month.nano_usd) == (18, 500_000_000)
        assert (await ledger.totals("other", today)).of_day.tokens == 9
        revision, settings = await ledger.settings("acme")
        assert (revision, settings.suspended) == (2, False)
        assert settings.limits == Limits(usd_month=Decimal(9))
        labels = await PromptStore(redis).labels("acme")
        canary, shadow = labels.canary, labels.shadow
        assert canary is not None
        assert shadow is not None
        assert (canary.version, canary.weight) == (VERSION, 20)
        assert (shadow.version, shadow.weight) == (VERSION, 10)
        # A tenant of whom nobody has heard is a new one again.
        assert (await ledger.settings("new"))[0] == 0
