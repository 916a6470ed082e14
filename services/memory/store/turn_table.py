"""Memory in DynamoDB: what is written, read and removed; expiry checked on read too."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from pynamodb.constants import PAY_PER_REQUEST_BILLING_MODE
from pynamodb.exceptions import PutError, PynamoDBConnectionError, PynamoDBException

from services.memory.models.turn import (
    RETENTION,
    TOMBSTONE_LIFE,
    ConversationKey,
    Fact,
    Marks,
    Outline,
    Turn,
)
from services.memory.store import items
from services.memory.store.items import Item
from shared.errors import Unavailable

T = TypeVar("T")
Removed = dict[str, int]
_ALREADY_THERE = "ConditionalCheckFailedException"
_WRONG_CALLS = {"ValidationException", "ResourceNotFoundException", "AccessDeniedException"}


def bound_to(table: str, region: str, endpoint_url: str | None, timeout_s: float) -> type[Item]:
    """Item for one table: pynamodb keeps a connection's settings in the class."""
    meta = {
        "table_name": table,
        "billing_mode": PAY_PER_REQUEST_BILLING_MODE,
        "region": region,
        "host": endpoint_url,
        "connect_timeout_seconds": timeout_s,
        "read_timeout_seconds": timeout_s,
        "max_retry_attempts": 1,
    }
    return type("BoundItem", (Item,), {"Meta": type("Meta", (), meta)})


@asynccontextmanager
async def open_turn_table(
    name: str, *, region: str, endpoint_url: str | None, timeout_s: float, threads: int
) -> AsyncIterator["TurnTable"]:
    """A table whose threads each have a connection, so that no question waits for one."""
    table = TurnTable(bound_to(name, region, endpoint_url, timeout_s), threads)
    try:
        await table.warm()
        yield table
    finally:
        table.close()


class TurnTable:
    """Implements services.ports.TurnStore.

    pynamodb blocks, so its calls run in a small pool of threads of their own.
    """

    def __init__(self, item: type[Item], threads: int) -> None:
        self._item = item
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="dynamodb")

    async def warm(self) -> None:
        """Opens a connection for each thread, so that no question waits for it.

        First one alone: it makes the client that all threads share. Side by side each would make
        its own, with 13 MB of botocore's descriptions of AWS.
        """
        await self.ping()
        await asyncio.gather(*(self.ping() for _ in range(self._threads)))

    async def ping(self) -> None:
        await self._call(lambda: self._item.exists())

    async def put(self, turn: Turn, facts: Sequence[Fact]) -> Marks:
        return await self._call(lambda: self._put(turn, facts))

    async def replace(self, before: Turn, after: Turn) -> None:
        await self._call(lambda: self._replace(before, after))

    async def remove(self, turns: Sequence[Turn]) -> Removed:
        return await self._call(lambda: self._remove(turns))

    async def recent(self, key: ConversationKey, count: int, now: datetime) -> list[Turn]:
        return await self._call(lambda: self._recent(key, count, now))

    async def title(self, key: ConversationKey) -> str | None:
        return await self._call(lambda: self._title(key))

    async def rename(self, key: ConversationKey, title: str, now: datetime) -> None:
        await self._call(lambda: self._rename(key, title, now))

    async def of_user(self, tenant: str, user: str, count: int, now: datetime) -> list[Turn]:
        found = await self._call(lambda: self._by_user(tenant, user, count, now))
        return [items.turn_of(item) for item in found]

    async def titles(self, tenant: str, user: str, now: datetime) -> dict[str, str]:
        found = await self._call(lambda: self._titles(tenant, user, now))
        return {item.conversation_id: item.title for item in found}

    async def outlines(self, tenant: str, user: str, count: int, now: datetime) -> list[Outline]:
        wanted = ("conversation", *items.OUTLINE)
        found = await self._call(lambda: self._by_user(tenant, user, count, now, wanted))
        return [items.outline_of(item) for item in found]

    async def turns(self, outlines: Sequence[Outline]) -> list[Turn]:
        keys = [
            (items.partition(one.key), items.moment(one.completed_at, one.turn_id))
            for one in outlines
        ]
        found = await self._call(lambda: list(self._item.batch_get(keys)) if keys else [])
        return [items.turn_of(item) for item in found]

    async def turn(self, tenant: str, user: str, turn_id: str, now: datetime) -> Turn | None:
        return await self._call(lambda: self._turn(tenant, user, turn_id, now))

    async def facts(self, tenant: str, user: str, count: int, now: datetime) -> list[Fact]:
        return await self._call(lambda: self._facts(tenant, user, count, now))

    async def bury(self, key: ConversationKey, until: datetime, now: datetime) -> Removed:
        return await self._call(lambda: self._bury(key, until, now))

    async def erase(self, tenant: str, user: str | None, until: datetime, now: datetime) -> Removed:
        return await self._call(lambda: self._erase(tenant, user, until, now))

    async def erased_until(self, key: ConversationKey) -> datetime | None:
        return await self._call(lambda: self._erased_until(*_tombstones(key)))

    async def tenant_erased_until(self, tenant: str) -> datetime | None:
        return await self._call(lambda: self._erased_until(items.erased(tenant, None)))

    async def quoting(
        self, tenant: str, document_id: str, ordinal: int, now: datetime
    ) -> list[Turn]:
        return await self._call(lambda: self._quoting(tenant, document_id, ordinal, now))

    def close(self) -> None:
        self._pool.shutdown()

    def _put(self, turn: Turn, facts: Sequence[Fact]) -> Marks:
        """Whatever is marked meanwhile is seen either here or by the query of whoever marks."""
        tenant, user = turn.key.tenant, turn.key.user
        beside = [items.quotation_fields(turn, document) for document in sorted(turn.documents)]
        beside += [items.fact_fields(tenant, user, n, fact) for n, fact in enumerate(facts)]
        if beside:
            with self._item.batch_write() as batch:
                for fields in beside:
                    batch.save(self._item(**fields))
        self._save(turn, self._item.turn_id.does_not_exist())
        return self._marks(turn)

    def _replace(self, before: Turn, after: Turn) -> None:
        self._save(after, self._item.turn_id.exists())
        gone = before.documents - after.documents
        quotations = [items.quotation_fields(before, document) for document in sorted(gone)]
        self._delete((one["conversation"], one["moment"]) for one in quotations)

    def _save(self, turn: Turn, condition: Any) -> None:
        try:
            self._item(**items.turn_fields(turn)).save(condition=condition)
        except PutError as error:
            if _code(error) != _ALREADY_THERE:
                raise

    def _marks(self, turn: Turn) -> Marks:
        """Also lets a given title live as long as the newest turn."""
        tenant, place = turn.key.tenant, items.partition(turn.key)
        erased = _tombstones(turn.key)
        documents = {items.document(tenant, one): one for one in turn.documents}
        keys = [(one, items.TOMBSTONE) for one in (*erased, *documents)]
        # A conversation's title comes along in the same call.
        found = list(self._item.batch_get([*keys, (place, items.TITLE)], consistent_read=True))
        for item in found:
            if item.moment == items.TITLE and item.expires_at < turn.expires_at:
                item.update(actions=[self._item.expires_at.set(turn.expires_at)])
        untils = [item.until for item in found if item.until is not None]
        deleted = {
            documents[item.conversation]: int(item.ordinal)
            for item in found
            if item.conversation in documents
        }
        return Marks(erased_until=max(untils, default=None), deleted=deleted)

    def _remove(self, turns: Sequence[Turn]) -> Removed:
        facts: list[Item] = []
        ids = {turn.turn_id for turn in turns}
        for tenant, user in {(turn.key.tenant, turn.key.user) for turn in turns}:
            said = self._item.query(items.facts_of(tenant, user), consistent_read=True)
            facts += [item for item in said if item.turn_id in ids]
        keys = []
        for turn in turns:
            keys.append((items.partition(turn.key), items.moment(turn.completed_at, turn.turn_id)))
            for document in turn.documents:
                quotation = items.quotation_fields(turn, document)
                keys.append((quotation["conversation"], quotation["moment"]))
        self._delete([*keys, *((item.conversation, item.moment) for item in facts)])
        return {"turns": len(turns), "facts": len(facts)}

    def _delete(self, keys: Iterable[tuple[str, str]]) -> None:
        with self._item.batch_write() as batch:
            for place, at in keys:
                batch.delete(self._item(place, at))

    def _recent(self, key: ConversationKey, count: int, now: datetime) -> list[Turn]:
        # DynamoDB deletes up to 48 h late: what has expired is left out here.
        found = self._item.query(
            items.partition(key),
            range_key_condition=self._item.moment < items.AFTER_TURNS,
            filter_condition=self._item.expires_at > now,
            scan_index_forward=False,
            limit=count,
        )
        return [items.turn_of(item) for item in found]

    def _title(self, key: ConversationKey) -> str | None:
        found = self._item.batch_get([(items.partition(key), items.TITLE)])
        return next((str(item.title) for item in found), None)

    def _rename(self, key: ConversationKey, title: str, now: datetime) -> None:
        self._item(
            conversation=items.partition(key),
            moment=items.TITLE,
            tenant=key.tenant,
            owner=items.owner(key.tenant, key.user),
            conversation_id=key.conversation_id,
            title=title,
            completed_at=now,
            expires_at=now + RETENTION,
        ).save()

    def _by_user(
        self,
        tenant: str,
        user: str,
        count: int,
        now: datetime,
        attributes: Sequence[str] | None = None,
    ) -> list[Item]:
        alive = (self._item.expires_at > now) & self._item.turn_id.exists()
        found = self._item.query(
            items.owner(tenant, user),
            filter_condition=alive,
            index_name=items.BY_USER,
            scan_index_forward=False,
            limit=count,
            attributes_to_get=attributes and list(attributes),
        )
        return list(found)

    def _turn(self, tenant: str, user: str, turn_id: str, now: datetime) -> Turn | None:
        """Reads the user's turns of the last days: no index leads from an id to its turn."""
        wanted = (self._item.turn_id == turn_id) & (self._item.expires_at > now)
        found = self._item.query(
            items.owner(tenant, user), filter_condition=wanted, index_name=items.BY_USER
        )
        return next((items.turn_of(item) for item in found), None)

    def _titles(self, tenant: str, user: str, now: datetime) -> list[Item]:
        titles = (self._item.expires_at > now) & self._item.title.exists()
        found = self._item.query(
            items.owner(tenant, user), filter_condition=titles, index_name=items.BY_USER
        )
        return list(found)

    def _facts(self, tenant: str, user: str, count: int, now: datetime) -> list[Fact]:
        found = self._item.query(
            items.facts_of(tenant, user),
            filter_condition=self._item.expires_at > now,
            scan_index_forward=False,
            limit=count,
        )
        return [items.fact_of(item) for item in found]

    def _mark(self, place: str, tenant: str, now: datetime, **fields: Any) -> None:
        self._item(
            conversation=place,
            moment=items.TOMBSTONE,
            tenant=tenant,
            expires_at=now + TOMBSTONE_LIFE,
            **fields,
        ).save()

    def _bury(self, key: ConversationKey, until: datetime, now: datetime) -> Removed:
        place = items.partition(key)
        self._mark(items.buried(key), key.tenant, now, until=until)
        found = list(self._item.query(place, consistent_read=True))
        turns = [items.turn_of(item) for item in found if item.turn_id is not None]
        titles = [(place, items.TITLE) for item in found if item.moment == items.TITLE]
        removed = self._remove([turn for turn in turns if turn.asked_at <= until])
        self._delete(titles)
        return removed | {"titles": len(titles)}

    def _erase(self, tenant: str, user: str | None, until: datetime, now: datetime) -> Removed:
        owner = items.hidden(tenant) if user is None else tenant
        self._mark(items.erased(tenant, user), owner, now, until=until)
        if user is None:
            return self._erase_tenant(tenant, until)
        owned = self._item.query(items.owner(tenant, user), index_name=items.BY_USER)
        found = [item for item in owned if (item.asked_at or item.completed_at) <= until]
        removed = self._remove([items.turn_of(item) for item in found if item.turn_id])
        titles = [(item.conversation, item.moment) for item in found if item.title is not None]
        said = self._item.query(items.facts_of(tenant, user), consistent_read=True)
        facts = [(item.conversation, item.moment) for item in said if item.completed_at <= until]
        self._delete([*titles, *facts])
        return removed | {"titles": len(titles), "facts": removed["facts"] + len(facts)}

    def _erase_tenant(self, tenant: str, until: datetime) -> Removed:
        """Reads the whole table: no index leads from a tenant to its users, and it is rare.

        Other tombstones go as well: the tenant's own covers what they covered.
        """
        removed: Removed = {"turns": 0, "titles": 0, "facts": 0}
        keys: list[tuple[str, str]] = []
        for item in self._item.scan(self._item.tenant == tenant):
            if (at := item.asked_at or item.completed_at) is not None and at > until:
                continue
            keys.append((item.conversation, item.moment))
            kind = "titles" if item.title else "facts" if item.subject else "turns"
            if item.turn_partition is None and item.moment != items.TOMBSTONE:
                removed[kind] += 1
        self._delete(keys)
        return removed

    def _erased_until(self, *places: str) -> datetime | None:
        keys = [(place, items.TOMBSTONE) for place in places]
        found = self._item.batch_get(keys, consistent_read=True)
        return max((item.until for item in found), default=None)

    def _quoting(self, tenant: str, document_id: str, ordinal: int, now: datetime) -> list[Turn]:
        place = items.document(tenant, document_id)
        self._mark(place, tenant, now, ordinal=ordinal)
        found = self._item.query(place, consistent_read=True)
        keys = [(item.turn_partition, item.turn_moment) for item in found if item.turn_partition]
        turns = self._item.batch_get(keys, consistent_read=True) if keys else []
        return [items.turn_of(item) for item in turns]

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except PynamoDBException as error:
            if isinstance(error, PynamoDBConnectionError) and _code(error) not in _WRONG_CALLS:
                raise Unavailable("dynamodb", _code(error) or str(error)) from error
            raise


def _tombstones(key: ConversationKey) -> list[str]:
    tenant = items.erased(key.tenant, None)
    return [tenant, items.erased(key.tenant, key.user), items.buried(key)]


def _code(error: PynamoDBException) -> str | None:
    """AWS's code; pynamodb's own property fails on a cause that never had a response."""
    response = getattr(error.cause, "response", None)
    return response["Error"].get("Code") if response else None
