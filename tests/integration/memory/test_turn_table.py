"""Turns in DynamoDB: written once, expired ones unseen, other people's never seen."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import pytest_asyncio

from compose.local.provision import provision
from services.memory.models.turn import RETENTION, ConversationKey, Turn
from services.memory.settings import MemorySettings
from services.memory.store.turn_table import TurnTable, open_turn_table
from shared.errors import Unavailable
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix

NOW = datetime(2026, 1, 8, tzinfo=UTC)
KEY = ConversationKey(tenant="acme", user="ann", conversation_id="c1")


def turn(n: int, key: ConversationKey = KEY, at: datetime = NOW) -> Turn:
    moment = at + timedelta(seconds=n)
    return Turn(key=key, turn_id=f"t{n}", question=f"q{n}", answer=f"a{n}", completed_at=moment)


@pytest_asyncio.fixture
async def table(moto_url: str) -> AsyncIterator[TurnTable]:
    settings = MemorySettings(
        aws_endpoint_url=moto_url, aws_account=MOTO_ACCOUNT, name_prefix=own_prefix()
    )
    await provision(settings)
    name = settings.resource(settings.turns_table)
    async with open_turn_table(
        name, region="us-east-1", endpoint_url=moto_url, timeout_s=5, threads=2
    ) as made:
        yield made


async def test_turns_come_back_newest_first_and_once(table: TurnTable) -> None:
    for n in (1, 2, 3, 3):
        await table.put(turn(n))
    assert await table.recent(KEY, 2, NOW) == [turn(3), turn(2)]
    assert len(await table.recent(KEY, 10, NOW)) == 3


async def test_a_turn_is_never_overwritten(table: TurnTable) -> None:
    await table.put(turn(1))
    await table.put(turn(1).model_copy(update={"answer": "changed"}))
    assert [t.answer for t in await table.recent(KEY, 10, NOW)] == ["a1"]


async def test_what_has_expired_is_not_read_even_if_it_still_lies_there(table: TurnTable) -> None:
    await table.put(turn(1, at=NOW - RETENTION - timedelta(minutes=1)))
    await table.put(turn(2))
    assert [t.turn_id for t in await table.recent(KEY, 10, NOW)] == ["t2"]
    assert [t.turn_id for t in await table.of_user("acme", "ann", 10, NOW)] == ["t2"]


@pytest.mark.parametrize("change", [{"tenant": "other"}, {"user": "bob"}])
async def test_nobody_reads_anothers_conversation(table: TurnTable, change: dict[str, str]) -> None:
    await table.put(turn(1, KEY.model_copy(update=change)))
    assert await table.recent(KEY, 10, NOW) == []
    assert await table.of_user("acme", "ann", 10, NOW) == []


async def test_the_table_forgets_by_itself(table: TurnTable, moto_url: str) -> None:
    await table.put(turn(1))
    item = next(iter(table._item.query("acme#ann#c1")))
    assert item.expires_at == turn(1).completed_at + timedelta(days=7)
    dynamodb: Any = boto3.client("dynamodb", endpoint_url=moto_url, region_name="us-east-1")
    described = dynamodb.describe_time_to_live(TableName=table._item.Meta.table_name)
    dynamodb.close()
    assert described["TimeToLiveDescription"]["AttributeName"] == "expires_at"


async def test_a_table_that_is_out_of_reach_is_an_outage() -> None:
    with pytest.raises(Unavailable, match="dynamodb"):
        async with open_turn_table(
            "any", region="us-east-1", endpoint_url="http://127.0.0.1:9", timeout_s=0.2, threads=1
        ):
            raise AssertionError("it was reached")
