"""A turn is archived once, under its owner's key, and never changed."""

import json
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from compose.local.provision import provision
from contracts.envelope import Context
from contracts.gateway.erasures import ErasureDoneV1, TenantDeletedV1, UserErasedV1
from contracts.gateway.prompts import PromptMovedV1, PromptRegisteredV1
from contracts.gateway.turns import TurnCompletedV2
from contracts.platform.usage import ModelUsedV2, TenantChangedV1
from services.finetune_export.bootstrap import bootstrap
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.services.archiving import Replay
from services.finetune_export.services.auditing import Auditing
from services.finetune_export.settings import FinetuneExportSettings
from services.finetune_export.store.archive import Archive
from services.finetune_export.store.audit_log import AuditStore
from services.finetune_export.store.objects import Objects
from shared.aws import Clients
from shared.clock import SystemClock
from shared.errors import Unavailable
from shared.messaging import BusPublisher, open_bus
from shared.outcomes import Done
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from shared.testing.fakes import FakePublisher
from shared.testing.probe import until
from shared.testing.running import running
from tests.integration.finetune_export.conftest import NOTHING

TURN = TurnCompletedV2(
    turn_id="t1",
    conversation_id="c1",
    question="q",
    query="q",
    answer="the first answer",
    model="m",
    prompt_version="1",
    sources=(),
    input_tokens=1,
    output_tokens=1,
    cost_usd=Decimal("0.1"),
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
    completed_at=datetime(2026, 1, 1, tzinfo=UTC),
)
KEY = "turns/acme/ann/c1/t1.json"


async def test_the_same_turn_twice_is_one_object_and_the_first_stays(moto_url: str) -> None:
    settings = FinetuneExportSettings(
        aws_endpoint_url=moto_url,
        aws_account=MOTO_ACCOUNT,
        name_prefix=own_prefix(),
        poll_wait_s=1,
    )
    await provision(settings)
    s3: Any = boto3.client("s3", endpoint_url=moto_url, region_name="us-east-1")
    bucket = settings.resource(settings.archive_bucket)
    context = Context(tenant="acme", principal="ann")

    def archived() -> dict[str, Any] | None:
        try:
            body: dict[str, Any] = json.load(s3.get_object(Bucket=bucket, Key=KEY)["Body"])
        except ClientError:
            return None
        return body

    async with open_bus(settings) as bus, bootstrap(settings, bus=bus) as service:
        publisher = BusPublisher(bus)
        async with running(*service.runnables):
            await publisher.publish_now("turns", TURN, context, id="e1")
            assert await until(archived)
            changed = TURN.model_copy(update={"answer": "another"})
            await publisher.publish_now("turns", changed, context, id="e1")
            await until(lambda: _handled(bus))
        assert await bus.depth("finetune-events-dead") == 0
    found = archived()
    assert found is not None
    assert (found["body"]["answer"], found["correlation_id"]) == (
        "the first answer",
        context.correlation_id,
    )
    s3.close()


async def _handled(bus: Any) -> bool:
    answer = await bus._send.get_queue_attributes(
        QueueUrl=await bus.url("finetune-events"), AttributeNames=["All"]
    )
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return all(int(answer["Attributes"][name]) == 0 for name in names)


async def test_memory_is_filled_from_the_archive(moto_url: str) -> None:
    """Issue 10, 21: archived turns are published again under their own id, by day and tenant."""
    settings = FinetuneExportSettings(
        aws_endpoint_url=moto_url,
        aws_account=MOTO_ACCOUNT,
        name_prefix=own_prefix(),
        poll_wait_s=1,
    )
    await provision(settings)
    turns = [
        TURN.model_copy(
            update={"turn_id": f"t{day}", "completed_at": datetime(2026, 1, day, tzinfo=UTC)}
        )
        for day in (1, 9)
    ]
    async with open_bus(settings) as bus, bootstrap(settings, bus=bus) as service:
        completed = service.handlers["finetune-events"][TurnCompletedV2]
        for turn in turns:
            context = Context(tenant="acme", principal="ann", causation_id=f"event-{turn.turn_id}")
            assert await completed(turn, context) == Done()
        other = Context(tenant="other", principal="bob", causation_id="event-other")
        assert await completed(turns[1], other) == Done()
    publisher = FakePublisher()
    async with AsyncExitStack() as stack:
        s3 = await Clients(stack, settings).open("s3")
        log = AuditStore(Objects(s3, settings.resource(settings.audit_bucket)))
        archive = Archive(Objects(s3, settings.resource(settings.archive_bucket)))
        replay = Replay(archive, Auditing(log, SystemClock(), "w", b"key"), publisher)
        assert await replay.publish_since(date(2026, 1, 2), "acme") == 1
        [sent] = publisher.sent
        assert (sent.message, sent.id, sent.context.principal) == (turns[1], "event-t9", "ann")
        assert await replay.publish_since(date(2026, 1, 1), None) == 3


async def test_an_erased_user_leaves_no_object_also_with_a_redriven_turn(moto_url: str) -> None:
    settings = FinetuneExportSettings(
        aws_endpoint_url=moto_url, aws_account=MOTO_ACCOUNT, name_prefix=own_prefix()
    )
    await provision(settings)
    bucket = settings.resource(settings.archive_bucket)
    s3: Any = boto3.client("s3", endpoint_url=moto_url, region_name="us-east-1")
    publisher = FakePublisher()
    ann, bob = Context(tenant="acme", principal="a nn/x"), Context(tenant="acme", principal="a nn")
    later = TURN.model_copy(
        update={"turn_id": "t2", "started_at": datetime(2026, 1, 3, tzinfo=UTC)}
    )
    erased = UserErasedV1(
        erasure_id="e1", user="a nn/x", asked_until=datetime(2026, 1, 2, tzinfo=UTC)
    )

    def keys() -> list[str]:
        found = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        # Marks of a changed day hold no name.
        return [key for key in found if not key.startswith("changed/")]

    async with (
        open_bus(settings) as bus,
        bootstrap(settings, bus=bus, publisher=publisher) as service,
    ):
        events = service.handlers["finetune-events"]
        for who in (ann, bob, ann.of("other")):
            assert await events[TurnCompletedV2](TURN, who) == Done()
        assert await events[UserErasedV1](erased, Context(tenant="acme")) == Done()
        await events[TurnCompletedV2](TURN, ann)
        assert [key for key in keys() if "/acme/" in key and "a%20nn%2Fx" in key] == []
        assert len(keys()) == 2 * 2 + 1
        # What is asked afterwards is archived again.
        await events[TurnCompletedV2](later, ann)
        assert len(keys()) == 3 * 2 + 1
        everyone = erased.model_copy(update={"erasure_id": "e2", "user": None})
        assert await events[UserErasedV1](everyone, Context(tenant="acme")) == Done()
        await events[TurnCompletedV2](TURN, bob)
        assert [key for key in keys() if "/acme/" in key and "t1" in key] == []
    s3.close()
    done = publisher.of(ErasureDoneV1)
    assert [(one.service, one.removed) for one in done] == [
        (
            "finetune_export",
            NOTHING | {"turns": 1},
        ),
        (
            "finetune_export",
            NOTHING | {"turns": 1},
        ),
    ]


async def test_a_deleted_tenant_leaves_no_object_also_with_late_events(moto_url: str) -> None:
    settings = FinetuneExportSettings(
        aws_endpoint_url=moto_url, aws_account=MOTO_ACCOUNT, name_prefix=own_prefix()
    )
    await provision(settings)
    bucket = settings.resource(settings.archive_bucket)
    s3: Any = boto3.client("s3", endpoint_url=moto_url, region_name="us-east-1")
    publisher = FakePublisher()
    before, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    ann = Context(
        tenant="acme", principal="ann", causation_id="m1", sent_at=end, occurred_at=before
    )
    changed = TenantChangedV1(revision=1)
    used = ModelUsedV2(
        service="memory",
        purpose="remember",
        model="m",
        calls=1,
        input_tokens=1,
        output_tokens=0,
        cost_usd=Decimal(0),
    )
    prompt = PromptRegisteredV1(name="answer", version="1", system="Be brief.")
    moved = PromptMovedV1(
        name="answer", label="canary", version="1", weight=5, revision=1, moved_at=end
    )
    events = (
        *((TurnCompletedV2, TURN), (TenantChangedV1, changed), (ModelUsedV2, used)),
        *((PromptRegisteredV1, prompt), (PromptMovedV1, moved)),
    )

    def keys(tenant: str) -> list[str]:
        found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return [one["Key"] for one in found if tenant in one["Key"]]

    async with (
        open_bus(settings) as bus,
        bootstrap(settings, bus=bus, publisher=publisher) as service,
    ):
        handlers = service.handlers["finetune-events"]
        for who in (ann, ann.of("acme2")):
            for kind, message in events:
                assert await handlers[kind](message, who) == Done()
        # Turn, day, mark of a changed day, settings and usage; a prompt's version, and its label.
        assert len(keys("/acme/")) == 7
        deleted = TenantDeletedV1(erasure_id="e1", until=end)
        assert await handlers[TenantDeletedV1](deleted, Context(tenant="acme")) == Done()
        [done] = publisher.of(ErasureDoneV1)
        assert (done.removed["turns"], done.removed["days"], done.removed["usage"]) == (1, 1, 2)
        assert done.removed["prompts"] == 2
        for kind, message in events:
            assert await handlers[kind](message, ann) == Done()
        assert keys("acme/") == []
        assert len(keys("/acme2/")) == 7
        # A tenant of the same name begins anew.
        anew = ann.model_copy(update={"occurred_at": datetime(2026, 1, 3, tzinfo=UTC)})
        assert await handlers[TenantChangedV1](changed, anew) == Done()
        assert keys("/acme/") == ["usage/acme/settings/0000000001.json"]
    s3.close()


@pytest.mark.parametrize(
    ("code", "error"), [("ConditionalRequestConflict", Unavailable), ("AccessDenied", ClientError)]
)
async def test_a_conflict_is_tried_again_and_is_not_taken_for_there(
    code: str, error: type[Exception]
) -> None:
    """Issue 10, 13: S3's 409 says that another write was under way, which may have failed."""

    class Conflicting:
        async def put_object(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": code}}, "PutObject")

    turn = ArchivedTurn(
        tenant="acme",
        user="ann",
        correlation_id="c",
        message_id="e1",
        conversation_id="c1",
        turn_id="t1",
        completed_at=datetime(2026, 1, 1, tzinfo=UTC),
        body={},
    )
    with pytest.raises(error):
        await Archive(Objects(Conflicting(), "bucket")).write_once(turn)
