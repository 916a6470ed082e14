"""Turns and feedback are encrypted with their user's key, which an erasure destroys first."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contracts.gateway.erasures import ErasureDoneV1, UserErasedV1
from contracts.ingestion.events import DocumentDeletedV1
from services.finetune_export.bootstrap import compacting
from services.finetune_export.models.archived_turn import CUT, ArchivedTurn
from services.finetune_export.models.owner import Owner, keys_prefix
from services.finetune_export.models.tombstones import Tombstone
from services.finetune_export.store.archive import Archive
from services.finetune_export.store.bodies import Bodies
from services.finetune_export.store.objects import Objects
from services.finetune_export.store.user_keys import UserKeys
from shared.aws import Clients
from tests.integration.finetune_export.conftest import (
    ANN,
    AT,
    NOTHING,
    Archived,
    a_source,
    a_turn,
    feedback,
)

KEY = "turns/acme/ann/c1/t1.json"
BOB = ANN.model_copy(update={"principal": "bob"})
UNTIL = AT + timedelta(hours=1)
ERASED = UserErasedV1(erasure_id="e1", user="ann", asked_until=UNTIL)
encrypted = pytest.mark.parametrize("archived", ["encrypted"], indirect=True)


async def read(archived: Archived, key: str = KEY) -> ArchivedTurn | None:
    async with compacting(archived.settings) as compaction:
        return await compaction.archive.read(key)


@asynccontextmanager
async def user_keys(archived: Archived) -> AsyncIterator[tuple[UserKeys, Objects]]:
    async with AsyncExitStack() as stack:
        clients = Clients(stack, archived.settings)
        objects = Objects(await clients.open("s3"), archived.bucket)
        key_id = archived.settings.archive_key_id or ""
        yield UserKeys(await clients.open("kms"), key_id, objects), objects


@encrypted
async def test_what_was_said_lies_encrypted_and_is_read_again(archived: Archived) -> None:
    turn = a_turn("t1", a_source("d1"))
    for who in (ANN, BOB):
        await archived.hear(turn, who)
        await archived.hear(turn, who)
    await archived.hear(feedback())
    lying = archived.bytes_of_all_versions()
    for said in (b"Words of d1", b"How much", b"wrong"):
        assert said not in lying
    found = await read(archived)
    assert found is not None
    assert found.body["answer"] == turn.answer
    # One key a user.
    assert [len(archived.keys(keys_prefix(Owner("acme", one)))) for one in ("ann", "bob")] == [1, 1]


@encrypted
async def test_a_wrapped_key_opens_for_its_own_user_alone(archived: Archived) -> None:
    await archived.hear(a_turn("t1"))
    [key] = archived.keys(keys_prefix(Owner("acme", "ann")))
    body = archived.s3.get_object(Bucket=archived.bucket, Key=key)["Body"].read()
    stolen = keys_prefix(Owner("acme", "bob")) + key.rsplit("/", 1)[1]
    archived.s3.put_object(Bucket=archived.bucket, Key=stolen, Body=body)
    async with user_keys(archived) as (keys, _):
        with pytest.raises(ClientError, match="InvalidCiphertext"):
            await keys.of(Owner("acme", "bob"), stolen.rsplit("/", 1)[1])


@encrypted
async def test_an_erasure_destroys_the_key_and_what_is_kept_elsewhere_is_not_read(
    archived: Archived,
) -> None:
    archived.version()
    await archived.hear(a_turn("t1", a_source("d1")))
    await archived.hear(feedback())
    await archived.hear(a_turn("t1"), BOB)
    backup = archived.s3.get_object(Bucket=archived.bucket, Key=KEY)["Body"].read()
    await archived.hear(ERASED)
    left = archived.bytes_of_all_versions()
    assert b"ann" not in left
    [done] = archived.publisher.of(ErasureDoneV1)
    assert done.removed == NOTHING | {"keys": 1, "turns": 1, "feedback": 1}
    # What comes late makes no key.
    await archived.hear(feedback())
    await archived.hear(a_turn("t1", a_source("d1")))
    assert b"ann" not in archived.bytes_of_all_versions()
    archived.s3.put_object(Bucket=archived.bucket, Key=KEY, Body=backup)
    assert await read(archived) is None
    assert await read(archived, KEY.replace("ann", "bob")) is not None


@encrypted
async def test_what_was_asked_after_an_erasure_stays_readable(archived: Archived) -> None:
    """It was archived before the erasure arrived, with the key that goes."""
    later = a_turn("t2", a_source("d1"), started_at=UNTIL + timedelta(minutes=1))
    await archived.hear(a_turn("t1"))
    await archived.hear(later)
    before = archived.keys("keys/")
    await archived.hear(ERASED)
    assert not set(before) & set(archived.keys("keys/"))
    found = await read(archived, KEY.replace("t1", "t2"))
    assert found is not None
    assert found.body["answer"] == later.answer
    # And when all of the tenant is erased, it goes too.
    everyone = UserErasedV1(erasure_id="e2", user=None, asked_until=AT + timedelta(days=1))
    before = archived.keys("keys/")
    await archived.hear(everyone)
    assert archived.keys("turns/") == []
    assert not set(before) & set(archived.keys("keys/"))


@encrypted
async def test_a_key_that_is_destroyed_during_a_write_costs_no_turn(archived: Archived) -> None:
    later = a_turn("t2", started_at=UNTIL + timedelta(minutes=1))
    changes: list[Callable[[], Awaitable[None]]] = [lambda: archived.hear(ERASED)]

    async with user_keys(archived) as (keys, objects):

        class Meanwhile(UserKeys):
            async def newest(self, owner: Owner) -> tuple[str, bytes]:
                chosen = await super().newest(owner)
                if changes:
                    await changes.pop()()
                return chosen

        slow = Meanwhile(keys._kms, keys._key_id, objects)
        archive = Archive(objects, Bodies(objects, slow))
        turn = ArchivedTurn(
            tenant="acme",
            user="ann",
            correlation_id="c",
            message_id="m",
            conversation_id="c1",
            turn_id="t2",
            completed_at=later.completed_at,
            body=later.model_dump(mode="json"),
        )
        assert await archive.write_once(turn)
    assert changes == []
    assert await read(archived, turn.key) == turn


@encrypted
async def test_a_turn_that_is_written_while_its_old_key_goes_stays_readable(
    archived: Archived, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The eraser has looked what is to be kept, and the writer has its key already."""
    await archived.hear(a_turn("t1"))
    listed, written, kept = asyncio.Event(), asyncio.Event(), Archive._kept

    async def looked(self: Archive, owner: Owner, tombstone: Tombstone) -> list[str]:
        found = await kept(self, owner, tombstone)
        listed.set()
        await written.wait()
        return found

    monkeypatch.setattr(Archive, "_kept", looked)
    later = a_turn("t2", started_at=UNTIL + timedelta(minutes=1))
    async with user_keys(archived) as (keys, objects):
        chosen = await keys.newest(Owner("acme", "ann"))
        erasing = asyncio.create_task(archived.hear(ERASED))
        await listed.wait()

        class Early(UserKeys):
            first = True

            async def newest(self, owner: Owner) -> tuple[str, bytes]:
                if self.first:
                    self.first = False
                    return chosen
                return await super().newest(owner)

        early = Early(keys._kms, keys._key_id, objects)
        turn = ArchivedTurn(
            tenant="acme",
            user="ann",
            correlation_id="c",
            message_id="m",
            conversation_id="c1",
            turn_id="t2",
            completed_at=later.completed_at,
            body=later.model_dump(mode="json"),
        )
        assert await Archive(objects, Bodies(objects, early)).write_once(turn)
        written.set()
        await erasing
        assert await keys.of(Owner("acme", "ann"), chosen[0]) is None
    assert await read(archived, turn.key) == turn


@encrypted
async def test_a_deleted_document_is_cut_from_encrypted_turns_and_feedback(
    archived: Archived,
) -> None:
    await archived.hear(a_turn("t1", a_source("d1"), a_source("d2", 2)))
    await archived.hear(feedback())
    await archived.hear(DocumentDeletedV1(document_id="d1", ordinal=1))
    found = await read(archived)
    assert found is not None
    assert (found.body["answer"], found.cut) == (CUT, ("d1",))
    async with compacting(archived.settings) as compaction:
        [given] = await compaction.archive.feedback(found)
    assert (given.rating, given.corrected_answer) == ("down", None)


@encrypted
async def test_turns_of_before_are_read_and_a_changed_one_is_not(archived: Archived) -> None:
    plain = archived.settings.model_copy(update={"archive_key_id": None})
    async with AsyncExitStack() as stack:
        objects = Objects(await Clients(stack, plain).open("s3"), archived.bucket)
        old = ArchivedTurn(
            tenant="acme",
            user="ann",
            correlation_id="c",
            message_id="m",
            conversation_id="c1",
            turn_id="t0",
            completed_at=AT,
            body=a_turn("t0").model_dump(mode="json"),
        )
        await Archive(objects).write_once(old)
        assert await read(archived, old.key) == old
        await archived.hear(a_turn("t1"))
        with pytest.raises(ValueError, match="RAGOPS_ARCHIVE_KEY_ID"):
            await Archive(objects).read(KEY)
    body: Any = archived.s3.get_object(Bucket=archived.bucket, Key=KEY)["Body"].read()
    archived.s3.put_object(Bucket=archived.bucket, Key=KEY, Body=body[:-1] + bytes([body[-1] ^ 1]))
    with pytest.raises(ValueError, match="was changed"):
        await read(archived)
