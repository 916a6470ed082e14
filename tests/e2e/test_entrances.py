"""Three ways in, each document once: the message by hand, the S3 drop, HTTP."""

import asyncio
import json
from typing import Any

from compose.local.system import System
from contracts.topology import CARRIER_BUCKET
from shared.testing.probe import until
from tests.e2e.looking import dead_letters
from tests.e2e.person import Person

QUEUE = "ingestion-documents"


def send(system: System, queue: str, body: str) -> None:
    """What `aws sqs send-message` does."""
    sqs = system.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=body)
    sqs.close()


def offer(system: System, body: dict[str, Any]) -> None:
    """A document by hand."""
    send(system, QUEUE, json.dumps(body))


def drop(system: System, key: str, body: bytes) -> None:
    """What `aws s3 cp` does."""
    s3 = system.client("s3")
    s3.put_object(Bucket=CARRIER_BUCKET, Key=key, Body=body)
    s3.close()


async def listed(person: Person) -> dict[str, str]:
    documents = (await person.http.get("/v1/documents")).json()["documents"]
    return {document["name"]: document["status"] for document in documents}


async def test_each_entrance_leads_to_ready_and_nothing_is_there_twice(
    system: System, person: Person
) -> None:
    text = "The blue valve is closed by Karin on Fridays."
    by_hand = {"tenant": person.tenant, "name": "by-hand.txt", "text": text}
    for _ in range(2):  # an impatient operator
        await asyncio.to_thread(offer, system, by_hand)
    await asyncio.to_thread(
        drop, system, f"inbox/{person.tenant}/dropped here.md", b"# Red valve\n\nKarin opens it."
    )
    await person.upload("by-http.html", b"<h1>Green valve</h1><p>Nobody turns it.</p>")
    wanted = dict.fromkeys(("by-hand.txt", "dropped here.md", "by-http.html"), "ready")

    async def all_ready() -> bool:
        return await listed(person) == wanted

    await until(all_ready, within_s=60, every_s=0.2)
    hits = (await person.search("blue valve closed by Karin", limit=20))["hits"]
    assert [hit["name"] for hit in hits].count("by-hand.txt") == 1
    assert {hit["name"] for hit in hits} <= wanted.keys()


async def test_a_dropped_object_named_in_a_message_is_read_by_its_key(
    system: System, person: Person
) -> None:
    key = f"inbox/{person.tenant}/named.txt"
    await asyncio.to_thread(drop, system, key, b"The named document speaks of owls.")
    message = {"tenant": person.tenant, "name": "named.txt", "key": key}
    await asyncio.to_thread(offer, system, message)

    async def ready() -> bool:
        return await listed(person) == {"named.txt": "ready"}

    await until(ready, within_s=60, every_s=0.2)
    assert len((await person.search("owls"))["hits"]) == 1


async def test_a_message_for_anothers_object_is_a_dead_letter_with_its_reason(
    system: System, person: Person
) -> None:
    message = {"tenant": person.tenant, "name": "x.txt", "key": "inbox/someone-else/x.txt"}
    await asyncio.to_thread(offer, system, message)

    async def reason() -> str:
        letters = await asyncio.to_thread(dead_letters, system, QUEUE)
        return next((one.reason for one in letters if person.tenant in one.body), "")

    assert "inbox/" in await until(reason, 30, 0.5)
    assert await listed(person) == {}
