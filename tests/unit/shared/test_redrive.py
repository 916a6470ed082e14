"""Dead letters are looked at, sent back and discarded, each once."""

import time
from collections.abc import Sequence

import pytest

from contracts.envelope import Context, wrap
from contracts.ingestion.documents import IngestDocumentV2, InlineText
from contracts.topology import QUEUES
from shared.messaging.redrive import Load, discard, loads, look, redrive
from shared.messaging.wire import FIRST_SENDER, Received
from tests.unit.shared.fake_aws import Aws, client_error, fake_aws

QUEUE = QUEUES["ingestion-queries"]
MIB = 1024 * 1024


async def dead(aws: Aws, *bodies: str, sender: str = "AROAFIRST:ann") -> list[str]:
    """Their message ids; the event id of each is `e-` with its place."""
    for place, body in enumerate(bodies):
        message = Received(f"m-{place}", "r", body, 1, 0, sender, {"type": "T"})
        await aws.bus.dead_letter(QUEUE, message, "broken", f"e-{place}")
    letters = aws.sqs.queues[QUEUE.dead_letters].messages
    for letter in letters:
        letter.sent_at_ms -= 1000
    return [letter.id for letter in letters]


def left(aws: Aws) -> int:
    """All that lie there are visible again."""
    assert len(aws.sqs.visible(QUEUE.dead_letters)) == len(aws.sqs.bodies(QUEUE.dead_letters))
    return len(aws.sqs.bodies(QUEUE.dead_letters))


async def test_a_look_shows_every_letter_once_and_leaves_all() -> None:
    aws = fake_aws()
    await dead(aws, *map(str, range(25)))
    found = await look(aws.bus, QUEUE, 100)
    assert sorted(letter.body for letter in found) == sorted(map(str, range(25)))
    assert len(await look(aws.bus, QUEUE, 3)) == 3
    assert left(aws) == 25


@pytest.mark.parametrize(
    ("only", "moved"),
    [(None, ["a", "b", "c"]), ("e-1", ["b"]), ("by message id", ["c"]), ("nobody", [])],
)
@pytest.mark.parametrize("verb", ["redrive", "discard"])
async def test_all_or_the_one_that_is_meant(
    verb: str, only: str | None, moved: Sequence[str]
) -> None:
    aws, progress = fake_aws(), list[int]()
    ids = await dead(aws, "a", "b", "c")
    chosen = ids[2] if only == "by message id" else only
    if verb == "redrive":
        done = await redrive(aws.bus, QUEUE, per_second=1e6, only=chosen, progress=progress.append)
        assert aws.sqs.bodies(QUEUE.name) == list(moved)
    else:
        done = await discard(aws.bus, QUEUE, only=chosen, progress=progress.append)
        assert aws.sqs.bodies(QUEUE.name) == []
    assert (done.moved, done.left) == (len(moved), 3 - len(moved))
    assert progress == list(range(1, len(moved) + 1))
    assert left(aws) == done.left


async def test_not_more_a_second_than_allowed() -> None:
    aws = fake_aws()
    await dead(aws, *"abcde")
    started = time.monotonic()
    await redrive(aws.bus, QUEUE, per_second=20)
    assert time.monotonic() - started >= 5 / 20


async def test_what_became_a_dead_letter_after_the_start_stays() -> None:
    aws = fake_aws()
    await dead(aws, "old")
    late = Received("m-9", "r", "late", 1, 0, None, {})
    await aws.bus.dead_letter(QUEUE, late, "broken again")
    aws.sqs.queues[QUEUE.dead_letters].messages[-1].sent_at_ms += 60_000
    done = await redrive(aws.bus, QUEUE, per_second=1e6)
    assert (done.moved, done.left) == (1, 1)
    assert aws.sqs.bodies(QUEUE.name) == ["old"]
    assert left(aws) == 1


@pytest.mark.parametrize("verb", ["redrive", "discard"])
async def test_a_parked_body_goes_with_its_letter(verb: str) -> None:
    aws, body = fake_aws(), "x" * MIB
    await dead(aws, body)
    assert len(aws.blobs.objects) == 1
    (letter,) = await look(aws.bus, QUEUE, 1)
    assert await aws.bus.body_of(letter) == body
    if verb == "redrive":
        await redrive(aws.bus, QUEUE, per_second=1e6)
        assert aws.sqs.bodies(QUEUE.name) == [body]
    else:
        await discard(aws.bus, QUEUE)
    assert aws.blobs.objects == {}


async def test_a_discarded_claim_check_leaves_no_text_behind() -> None:
    aws = fake_aws()
    big = IngestDocumentV2(name="big", source=InlineText(text="x" * MIB))
    await aws.bus.send(QUEUE.name, wrap(big, Context(tenant="acme")))
    await dead(aws, aws.sqs.bodies(QUEUE.name)[0])
    assert len(aws.blobs.objects) == 1
    await discard(aws.bus, QUEUE)
    assert aws.blobs.objects == {}


async def test_a_body_that_only_looks_parked_leads_nowhere() -> None:
    aws = fake_aws()
    aws.blobs.objects["uploads/acme/secret"] = b"secret"
    bodies = ['{"$parked": "uploads/acme/secret"}', '{"$parked"', '{"$parked": 1}']
    await dead(aws, *bodies)
    assert [await aws.bus.body_of(one) for one in await look(aws.bus, QUEUE, 9)] == bodies
    await discard(aws.bus, QUEUE)
    assert "uploads/acme/secret" in aws.blobs.objects


async def test_a_message_that_is_sent_back_keeps_its_first_sender_and_loses_its_reason() -> None:
    aws = fake_aws()
    await dead(aws, "a")
    await redrive(aws.bus, QUEUE, per_second=1e6)
    (back,) = await aws.bus.receive(QUEUE.name, 1, 0)
    assert back.attributes == {"type": "T", FIRST_SENDER: "AROAFIRST:ann"}
    assert back.sender != "AROAFIRST:ann"


async def test_a_redrive_that_breaks_loses_nothing() -> None:
    aws = fake_aws()
    await dead(aws, "a", "b", "c")
    aws.sqs.fail("delete_message_batch", client_error("ServiceUnavailable", 503))
    with pytest.raises(Exception, match="sqs is unavailable"):
        await redrive(aws.bus, QUEUE, per_second=1e6)
    assert aws.sqs.fired["delete_message_batch"] == 1
    assert left(aws) == 3
    assert len(aws.sqs.bodies(QUEUE.name)) == 1  # twice then, with one id


async def test_the_load_of_each_queue() -> None:
    aws = fake_aws()
    aws.sqs.put(QUEUE.name, "a", sent_at_ms=round((time.time() - 60) * 1000))
    await dead(aws, "b", "c")
    found = await loads(aws.bus)
    assert set(found) == set(QUEUES)
    load = found[QUEUE.name]
    assert (load.depth.waiting, load.dead_letters) == (1, 2)
    assert load.oldest_s is not None
    assert 59 < load.oldest_s < 90
    empty = found["memory-queries"]
    assert empty == Load(empty.depth, 0, None)
    assert len(aws.sqs.visible(QUEUE.name)) == 1
