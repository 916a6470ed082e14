"""Turns in DynamoDB: written once, expired ones unseen, other people's never seen."""

from datetime import timedelta
from typing import Any

import boto3
import pytest

from services.memory.models.turn import RETENTION, ConversationKey, Turn
from services.memory.store.turn_table import TurnTable, open_turn_table
from shared.errors import Unavailable
from tests.integration.memory.conftest import NOW

KEY = ConversationKey(tenant="acme", user="ann", conversation_id="c1")


def turn(n: int, key: ConversationKey = KEY, at: Any = NOW) -> Turn:
    moment = at + timedelta(seconds=n)
    return Turn(
        key=key,
        turn_id=f"t{n}",
        question=f"q{n}",
        answer=f"a{n}",
        asked_at=moment,
        completed_at=moment,
    )


async def test_turns_come_back_newest_first_and_once(table: TurnTable) -> None:
    for n in (1, 2, 3, 3):
        await table.put(turn(n), [])
    assert await table.recent(KEY, 2, NOW) == [turn(3), turn(2)]
    assert len(await table.recent(KEY, 10, NOW)) == 3


async def test_a_turn_is_never_overwritten_by_its_event(table: TurnTable) -> None:
    await table.put(turn(1), [])
    await table.put(turn(1).model_copy(update={"answer": "changed"}), [])
    assert [t.answer for t in await table.recent(KEY, 10, NOW)] == ["a1"]


async def test_what_was_removed_is_not_written_again_by_a_change(table: TurnTable) -> None:
    await table.put(turn(1), [])
    await table.remove([turn(1)])
    await table.replace(turn(1), turn(1).model_copy(update={"answer": "changed"}))
    assert await table.recent(KEY, 10, NOW) == []


async def test_what_has_expired_is_not_read_even_if_it_still_lies_there(table: TurnTable) -> None:
    await table.put(turn(1, at=NOW - RETENTION - timedelta(minutes=1)), [])
    await table.put(turn(2), [])
    assert [t.turn_id for t in await table.recent(KEY, 10, NOW)] == ["t2"]
    assert [t.turn_id for t in await table.of_user("acme", "ann", 10, NOW)] == ["t2"]


@pytest.mark.parametrize("change", [{"tenant": "other"}, {"user": "bob"}, {"user": "ann#c1"}])
async def test_nobody_reads_anothers_conversation(table: TurnTable, change: dict[str, str]) -> None:
    await table.put(turn(1, KEY.model_copy(update=change)), [])
    assert await table.recent(KEY, 10, NOW) == []
    assert await table.of_user("acme", "ann", 10, NOW) == []
    assert await table.outlines("acme", "ann", 10, NOW) == []


async def test_a_users_name_leads_into_no_other_partition(table: TurnTable) -> None:
    key = KEY.model_copy(update={"user": "#facts#acme#bob"})
    await table.put(turn(1, key), [])
    assert await table.recent(key, 10, NOW) == [turn(1, key)]
    assert await table.facts("acme", "bob", 10, NOW) == []


async def test_the_table_forgets_by_itself(table: TurnTable, moto_url: str) -> None:
    await table.put(turn(1), [])
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
