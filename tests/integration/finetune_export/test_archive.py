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
from contracts.gateway.turns import TurnCompletedV1
from services.finetune_export.bootstrap import bootstrap
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.services.archiving import Replay
from services.finetune_export.settings import FinetuneExportSettings
from services.finetune_export.store.archive import Archive
from shared.aws import Clients
from shared.errors import Unavailable
from shared.messaging import BusPublisher, open_bus
from shared.outcomes import Done
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from shared.testing.fakes import FakePublisher
from shared.testing.probe import until
from shared.testing.running import running

TURN = TurnCompletedV1(
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
        completed = service.handlers["finetune-events"][TurnCompletedV1]
        for turn in turns:
            context = Context(tenant="acme", principal="ann", causation_id=f"event-{turn.turn_id}")
            assert await completed(turn, context) == Done()
        other = Context(tenant="other", principal="bob", causation_id="event-other")
        assert await completed(turns[1], other) == Done()
    publisher = FakePublisher()
    async with AsyncExitStack() as stack:
        s3 = await Clients(stack, settings).open("s3")
        replay = Replay(Archive(s3, settings.resource(settings.archive_bucket)), publisher)
        assert await replay.publish_since(date(2026, 1, 2), "acme") == 1
        [sent] = publisher.sent
        assert (sent.message, sent.id, sent.context.principal) == (turns[1], "event-t9", "ann")
        assert await replay.publish_since(date(2026, 1, 1), None) == 3


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
        await Archive(Conflicting(), "bucket").write_once(turn)
