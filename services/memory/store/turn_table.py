"""Turns in DynamoDB: conditional puts, expiry checked on read too."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from pynamodb.attributes import TTLAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.constants import PAY_PER_REQUEST_BILLING_MODE
from pynamodb.exceptions import PutError, PynamoDBConnectionError, PynamoDBException
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from services.memory.models.turn import ConversationKey, Turn
from shared.errors import Unavailable

T = TypeVar("T")
logger = logging.getLogger(__name__)
_BY_USER = "by-user"
_ALREADY_THERE = "ConditionalCheckFailedException"
_WRONG_CALLS = {"ValidationException", "ResourceNotFoundException", "AccessDeniedException"}


class ByUser(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """All turns of a user in order of time: for lists of conversations and for erasure."""

    class Meta:
        index_name = "by-user"
        projection = AllProjection()
        billing_mode = PAY_PER_REQUEST_BILLING_MODE

    owner = UnicodeAttribute(hash_key=True)
    completed_at = UTCDateTimeAttribute(range_key=True)


class TurnItem(Model):
    """Partition: tenant, user and conversation; sorted by time and turn."""

    class Meta:
        table_name = "set by TurnTable"
        billing_mode = PAY_PER_REQUEST_BILLING_MODE

    conversation = UnicodeAttribute(hash_key=True)
    moment = UnicodeAttribute(range_key=True)
    owner = UnicodeAttribute()
    conversation_id = UnicodeAttribute()
    turn_id = UnicodeAttribute()
    question = UnicodeAttribute()
    answer = UnicodeAttribute()
    completed_at = UTCDateTimeAttribute()
    expires_at = TTLAttribute()
    by_user = ByUser()


def _bound_to(
    table: str, region: str, endpoint_url: str | None, timeout_s: float
) -> type[TurnItem]:
    """TurnItem for one table: pynamodb keeps a connection's settings in the class."""
    meta = {
        "table_name": table,
        "billing_mode": PAY_PER_REQUEST_BILLING_MODE,
        "region": region,
        "host": endpoint_url,
        "connect_timeout_seconds": timeout_s,
        "read_timeout_seconds": timeout_s,
        "max_retry_attempts": 1,
    }
    return type("BoundTurnItem", (TurnItem,), {"Meta": type("Meta", (), meta)})


@asynccontextmanager
async def open_turn_table(
    name: str, *, region: str, endpoint_url: str | None, timeout_s: float, threads: int
) -> AsyncIterator["TurnTable"]:
    """A table whose threads each have a connection, so that no question waits for one."""
    table = TurnTable(_bound_to(name, region, endpoint_url, timeout_s), threads)
    try:
        await table.warm()
        yield table
    finally:
        table.close()


class TurnTable:
    """pynamodb blocks, so its calls run in a small pool of threads of their own."""

    def __init__(self, item: type[TurnItem], threads: int) -> None:
        self._item = item
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="dynamodb")

    async def warm(self) -> None:
        """Opens a connection in each thread, so that no question waits for it."""
        await asyncio.gather(*(self.ping() for _ in range(self._threads)))

    async def ping(self) -> None:
        await self._call(lambda: self._item.exists())

    async def put(self, turn: Turn) -> None:
        """Writes a turn once; the same turn again changes nothing."""
        await self._call(lambda: self._put(turn))

    async def recent(self, key: ConversationKey, count: int, now: datetime) -> list[Turn]:
        """The newest turns that have not expired, newest first."""
        return await self._call(lambda: self._recent(key, count, now))

    async def of_user(self, tenant: str, user: str, count: int, now: datetime) -> list[Turn]:
        """A user's newest turns over all conversations, newest first."""
        return await self._call(lambda: self._of_user(tenant, user, count, now))

    def close(self) -> None:
        self._pool.shutdown()

    def _put(self, turn: Turn) -> None:
        key = turn.key
        item = self._item(
            conversation=_partition(key),
            moment=f"{turn.completed_at.astimezone(UTC).isoformat()}#{turn.turn_id}",
            owner=_owner(key.tenant, key.user),
            conversation_id=key.conversation_id,
            turn_id=turn.turn_id,
            question=turn.question,
            answer=turn.answer,
            completed_at=turn.completed_at,
            expires_at=turn.expires_at,
        )
        try:
            item.save(condition=self._item.turn_id.does_not_exist())
        except PutError as error:
            if _code(error) != _ALREADY_THERE:
                raise

    def _recent(self, key: ConversationKey, count: int, now: datetime) -> list[Turn]:
        # DynamoDB deletes up to 48 h late: what has expired is left out here.
        found = self._item.query(
            _partition(key),
            filter_condition=self._item.expires_at > now,
            scan_index_forward=False,
            limit=count,
        )
        return [_turn(item, key) for item in found]

    def _of_user(self, tenant: str, user: str, count: int, now: datetime) -> list[Turn]:
        found = self._item.query(
            _owner(tenant, user),
            filter_condition=self._item.expires_at > now,
            index_name=_BY_USER,
            scan_index_forward=False,
            limit=count,
        )
        return [
            _turn(
                item,
                ConversationKey(tenant=tenant, user=user, conversation_id=item.conversation_id),
            )
            for item in found
        ]

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except PynamoDBException as error:
            if isinstance(error, PynamoDBConnectionError) and _code(error) not in _WRONG_CALLS:
                raise Unavailable("dynamodb", _code(error) or str(error)) from error
            raise


def _code(error: PynamoDBException) -> str | None:
    """AWS's code; pynamodb's own property fails on a cause that never had a response."""
    response = getattr(error.cause, "response", None)
    return response["Error"].get("Code") if response else None


def _partition(key: ConversationKey) -> str:
    return f"{key.tenant}#{key.user}#{key.conversation_id}"


def _owner(tenant: str, user: str) -> str:
    return f"{tenant}#{user}"


def _turn(item: TurnItem, key: ConversationKey) -> Turn:
    return Turn(
        key=key,
        turn_id=item.turn_id,
        question=item.question,
        answer=item.answer,
        completed_at=item.completed_at,
    )
