"""Forged messages: what one tenant sends shows it nothing of another, and changes nothing there.

Whoever may send on a queue is believed about the tenant it speaks for (docs/adr/0019): here
Mallory speaks for her own tenant, and names Victor's things.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest_asyncio

from compose.local.layout import REPOSITORY
from compose.local.system import System
from contracts.envelope import Context, Envelope, wrap
from contracts.ingestion.document import Counts
from contracts.ingestion.manifest import manifest_key
from contracts.retrieval.events import DocumentIndexedV1, IndexingRefusedV1
from contracts.topology import CARRIER_BUCKET, QUEUES, REPLY_QUEUE_PREFIX, TOPICS
from shared.testing.probe import until
from tests.e2e.conftest import in_own_tenant
from tests.e2e.forging import TOKENS, forged, publish_all, send_all
from tests.e2e.looking import dead_letters
from tests.e2e.person import Person
from tests.e2e.test_entrances import drop, listed, send

SECRET = "zephyrite"
TEXT = f"The safe of the Thornbury mill holds {SECRET} and nothing else."
# What a queue's consumer takes; anything else there is a dead letter.
TAKEN = {
    "ingestion-documents": {"IngestDocument", "ObjectsDropped", "DeleteDocument"},
    "ingestion-queries": {
        *("GetDocument", "ListDocuments", "DeleteDocument", "TakenInRequested"),
        *("RetryDocument", "CancelDocument", "ReindexDocument"),
        *("ListVersions", "DescribeDocument", "RestoreVersion"),
        *("ContentRequested", "TextRequested", "GetCertificate"),
        *("AuditRegistry", "AuditObjects", "RepairDocument", "RemoveOrphan"),
    },
    "ingestion-events": {
        *("DocumentIndexed", "IndexingRefused", "DocumentPurged", "TurnCompleted"),
        *("BudgetReached", "TenantChanged", "TenantDeleted"),
    },
    "retrieval-index": {"DocumentChunked"},
    "retrieval-control": {"DocumentDeleted", "TenantDeleted"},
    "retrieval-queries": {
        *("SearchRequested", "GraphRequested", "PassageRequested"),
        *("AudienceRequested", "AuditIndex", "AuditNames"),
    },
    "memory-queries": {
        "ContextRequested",
        "ListConversations",
        "ConversationRequested",
        "TurnRequested",
        "RenameConversation",
        "DeleteConversation",
    },
    "memory-events": {"TurnCompleted", "DocumentDeleted", "UserErased", "TenantDeleted"},
    "gateway-events": {"ModelUsed", "DocumentIndexed", "DocumentDeleted", "ErasureDone"},
    "finetune-exports": {
        *("ArchivedTenantsRequested", "ArchivedUsageRequested"),
        *("ExportRequested", "RunExport", "GetExport", "ListExports"),
        *("EstimateTraining", "TrainingRequested", "RunTraining", "GetTraining", "ListTrainings"),
        *("StopTraining", "ApproveTraining", "RollBackTraining", "GetTunedModel"),
        *("ListReviews", "GetReview", "CorrectAnswer"),
    },
    "finetune-trainings": {"TrainingMoved"},
    "finetune-events": {
        *("TurnCompleted", "FeedbackGiven", "UserErased", "TenantDeleted"),
        *("ModelUsed", "TenantChanged", "DocumentIndexed", "DocumentDeleted"),
        *("PromptRegistered", "PromptMoved"),
    },
}


@dataclass(frozen=True)
class Two:
    """`document_id` is Victor's, for himself alone; `things` are the names of all that he has.

    `turns` are the ids of his turns; each cites the document.
    """

    system: System
    victor: Person
    mallory: Person
    document_id: str
    things: Mapping[str, Any]
    turns: list[str]

    async def view(self) -> dict[str, Any]:
        """What Victor sees of his own."""
        listed = (await self.victor.http.get("/v1/documents")).json()["documents"]
        hits = (await self.victor.search(SECRET, legs=["bm25"]))["hits"]
        found = {hit["passage_id"]: hit["text"] for hit in hits}
        return {document["name"]: document for document in listed} | found

    async def assert_nothing_crossed(self, before: Any) -> None:
        """Neither to Mallory, nor into what Victor sees."""
        http = self.mallory.http
        assert (await http.get(f"/v1/documents/{self.document_id}")).status_code == 404
        found = await self.mallory.search(f"safe of the Thornbury mill {SECRET}", limit=100)
        assert SECRET not in json.dumps(found["hits"])
        assert SECRET not in (await self.mallory.ask("What is in the safe of the mill?")).text
        assert await self.view() == before
        usage = (await self.victor.http.get("/v1/usage")).json()
        assert 0 < usage["total"]["input_tokens"] < TOKENS
        turn = await self.victor.ask("and nothing else?", self.things["conversation_id"])
        assert "forged" not in turn.one("meta")["query"].lower()
        assert SECRET in turn.text
        self.turns.append(turn.one("meta")["turn_id"])
        assert await until(self.counted, 30, 0.2) == len(self.turns)

    async def counted(self) -> int:
        """How often the document is cited, when all of his turns are counted; before that 0."""
        cited = int((await self.victor.document(self.document_id))["cited"])
        return cited if cited >= len(self.turns) else 0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(system: System) -> AsyncIterator[Two]:
    async with in_own_tenant(system) as victor, in_own_tenant(system) as mallory:
        answer = await victor.http.post(
            "/v1/documents",
            files={"file": ("safe.txt", TEXT.encode())},
            data={"visibility": json.dumps(["user:ann"])},
        )
        document_id = answer.json()["document_id"]
        assert (await victor.until_final(document_id))["status"] == "ready"
        turn = await victor.ask("What is in the safe of the Thornbury mill?")
        assert SECRET in turn.text

        async def charged() -> bool:
            usage = (await victor.http.get("/v1/usage")).json()
            return bool(usage["total"]["input_tokens"])

        await until(charged, 30, 0.2)
        meta = turn.one("meta")
        things = _things(system, victor.tenant, document_id, meta)
        made = Two(system, victor, mallory, document_id, things, [meta["turn_id"]])
        assert await until(made.counted, 30, 0.2) == 1
        yield made


def _things(
    system: System, tenant: str, document_id: str, meta: Mapping[str, str]
) -> dict[str, Any]:
    """By the field that names them in a message."""
    with client(system, "s3") as s3:
        prefix = f"uploads/{tenant}/"
        (upload,) = s3.list_objects_v2(Bucket=CARRIER_BUCKET, Prefix=prefix)["Contents"]
    return {
        "document_id": document_id,
        "ordinal": 1,
        "name": "safe.txt",
        "manifest_key": manifest_key(tenant, document_id, 1),
        "passage_id": f"{document_id}:1:0",
        "key": upload["Key"],
        "bucket": CARRIER_BUCKET,
        "conversation_id": meta["conversation_id"],
        "turn_id": meta["turn_id"],
        "cited": True,
        "visible_to": ["user:ann"],
        "entity": "thornbury mill",
        "input_tokens": TOKENS,
    }


@contextmanager
def client(system: System, service: str) -> Iterator[Any]:
    made = system.client(service)
    try:
        yield made
    finally:
        made.close()


async def test_every_message_on_every_queue(two: Two) -> None:
    before = await two.view()
    sent = {queue: list(forged(two.mallory.tenant, two.things)) for queue in QUEUES}
    with client(two.system, "sqs") as sqs:
        for queue, envelopes in sent.items():
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            await asyncio.to_thread(send_all, sqs, url, envelopes)
    await _until_worked(two.system)
    letters = await asyncio.to_thread(dead_letters, two.system)
    reasons = {(letter.queue, _id(letter.body)): letter.reason for letter in letters}
    for queue, envelopes in sent.items():
        for one in envelopes:
            reason = reasons.get((queue, one.id))
            # Taken ones may be refused all the same; the others must be, with a reason.
            assert reason or (reason is None and one.type in TAKEN[queue] | {"Ping"}), (queue, one)
    chunked = [one for one in sent["retrieval-index"] if one.type == "DocumentChunked"]
    assert all(reasons.get(("retrieval-index", one.id)) for one in chunked)
    await two.assert_nothing_crossed(before)


async def test_every_message_on_every_topic(two: Two) -> None:
    before = await two.view()
    with client(two.system, "sns") as sns:
        arns = [one["TopicArn"] for one in sns.list_topics()["Topics"]]
        for topic in TOPICS:
            (arn,) = [one for one in arns if one.endswith(f":{topic}")]
            envelopes = list(forged(two.mallory.tenant, two.things))
            await asyncio.to_thread(publish_all, sns, arn, envelopes)
    await _until_worked(two.system)
    await two.assert_nothing_crossed(before)


async def test_an_answer_to_ingestion_about_anothers_document(two: Two) -> None:
    """While Victor's document waits to be indexed, a word about it would end its way."""
    # Stopped, not killed: the poll of a killed one would hide Victor's message for two minutes.
    await two.system.fleet.stop(["retrieval"])
    try:
        waiting = await two.victor.upload("waiting.txt", b"It waits for retrieval.")

        async def announced() -> bool:
            return bool((await two.victor.document(waiting))["status"] == "indexing")

        await until(announced, 30, 0.2)
        messages = [
            message
            for ordinal in (1, 2)
            for message in (
                DocumentIndexedV1(document_id=waiting, ordinal=ordinal, counts=Counts(chunks=1)),
                IndexingRefusedV1(document_id=waiting, ordinal=ordinal, code="x", message="x"),
            )
        ]
        context = Context(tenant=two.mallory.tenant)
        with client(two.system, "sqs") as sqs:
            url = sqs.get_queue_url(QueueName="ingestion-events")["QueueUrl"]
            send_all(sqs, url, [wrap(message, context) for message in messages])
        await _until_worked(two.system, "ingestion-events")
        assert await announced()
    finally:
        await two.system.restart("retrieval")
        await two.system.ready()
    assert (await two.victor.until_final(waiting))["status"] == "ready"


async def test_a_notification_of_a_drop_that_s3_did_not_send(two: Two) -> None:
    """Its sender may send for its own tenant only, and its high sequencer is not remembered."""
    before = await two.view()
    key = f"inbox/{two.victor.tenant}/plan.txt"
    bodies = [
        _notification(CARRIER_BUCKET, key),
        _notification("another-bucket", key),
        _notification(CARRIER_BUCKET, two.things["key"]),
        json.dumps({"tenant": two.victor.tenant, "name": "plan.txt", "text": "forged"}),
        json.dumps({"tenant": two.mallory.tenant, "name": "plan.txt", "key": key}),
    ]
    async with _senders(two.system, {"*": [two.mallory.tenant]}):
        for body in bodies:
            await asyncio.to_thread(send, two.system, "ingestion-documents", body)
        await _until_dead(two.system, "ingestion-documents", bodies)
        await two.assert_nothing_crossed(before)
    await asyncio.to_thread(drop, two.system, key, b"The true plan.")

    async def taken_in() -> bool:
        return (await listed(two.victor)).get("plan.txt") == "ready"

    await until(taken_in, 30, 0.2)
    hits = (await two.victor.search("true plan", legs=["bm25"]))["hits"]
    assert [hit["name"] for hit in hits] == ["plan.txt"]


async def test_a_claim_check_of_another_tenant(two: Two) -> None:
    """The body is looked for in the sender's own folder only, whatever id and claim say."""
    before = await two.view()
    queue, victor = "memory-events", two.victor.tenant
    [*_, honest] = [one for one in forged(victor, two.things) if one.type == "TurnCompleted"]
    folder = f"claims/{victor}/{honest.id}/"
    await asyncio.to_thread(drop, two.system, f"{folder}{queue}.json", _body(honest))
    check = {"data": {"$claim": folder}, "tenant": two.mallory.tenant}
    ids = (honest.id, f"../{victor}/{honest.id}", f"../../{folder}")
    bodies = [
        honest.model_copy(update={**check, "id": one}).model_dump_json(exclude_none=True)
        for one in ids
    ]
    for body in bodies:
        await asyncio.to_thread(send, two.system, queue, body)
    await _until_dead(two.system, queue, bodies)
    with client(two.system, "s3") as s3:
        kept = s3.get_object(Bucket=CARRIER_BUCKET, Key=f"{folder}{queue}.json")
        assert kept["Body"].read() == _body(honest)
    await two.assert_nothing_crossed(before)


async def test_a_reply_that_goes_or_comes_elsewhere(two: Two) -> None:
    """Answers are sent to reply queues only, and a foreign answer on one reaches nobody."""
    before, pid = await two.view(), two.system.fleet.pids()["gateway"]
    with client(two.system, "sqs") as sqs:
        urls = sqs.list_queues(QueueNamePrefix=REPLY_QUEUE_PREFIX)["QueueUrls"]
        for url in urls:
            send_all(sqs, url, list(forged(two.mallory.tenant, two.things)))
            sqs.send_message(QueueUrl=url, MessageBody='{"data":' * 30_000)
    assert urls
    asked = [
        one.model_copy(update={"reply_to": reply_to})
        for reply_to in ("ingestion-documents", "retrieval-index", f"{REPLY_QUEUE_PREFIX}../x")
        for one in forged(two.mallory.tenant, two.things)
        if one.type == "Ping"
    ]
    bodies = [one.model_dump_json(exclude_none=True) for one in asked]
    for body in bodies:
        await asyncio.to_thread(send, two.system, "retrieval-queries", body)
    await _until_dead(two.system, "retrieval-queries", bodies)
    await two.assert_nothing_crossed(before)
    assert two.system.fleet.pids()["gateway"] == pid


async def test_what_is_believed_is_written_down() -> None:
    (decision,) = (REPOSITORY / "docs" / "adr").glob("0019-*.md")
    text = decision.read_text()
    assert {kind for kinds in TAKEN.values() for kind in kinds if kind not in text} == set()


@asynccontextmanager
async def _senders(system: System, senders: Mapping[str, list[str]]) -> AsyncIterator[None]:
    """Ingestion with these permits, and nobody taken for S3: here all senders have one id."""
    ingestion = system.fleet["ingestion"]
    usual = ingestion.part
    permits = {"RAGOPS_SENDERS": json.dumps(senders), "RAGOPS_S3_SENDERS": "[]"}
    ingestion.part = replace(usual, env={**usual.env, **permits})
    try:
        await system.restart("ingestion")
        await system.ready()
        yield
    finally:
        ingestion.part = usual
        await system.restart("ingestion")
        await system.ready()


def _notification(bucket: str, key: str) -> str:
    described = {"key": key, "size": 9, "sequencer": "F" * 18, "eTag": "forged"}
    record = {
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": described},
    }
    return json.dumps({"Records": [record]})


def _body(envelope: Envelope) -> bytes:
    return json.dumps(envelope.model_dump(mode="json")["data"]).encode()


def _id(body: str) -> str:
    try:
        return str(json.loads(body)["id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


async def _until_dead(system: System, queue: str, bodies: list[str]) -> None:
    """Each of them is a dead letter with a reason."""

    def dead() -> bool:
        reasons = {letter.body: letter.reason for letter in dead_letters(system, queue)}
        return all(reasons.get(body) for body in bodies)

    await until(lambda: asyncio.to_thread(dead), 30, 0.3)


async def _until_worked(system: System, *queues: str) -> None:
    """Nothing waits in these queues, or in any, and nothing is at work."""
    kinds = ("", "NotVisible", "Delayed")
    counts = [f"ApproximateNumberOfMessages{kind}" for kind in kinds]

    def empty() -> bool:
        with client(system, "sqs") as sqs:
            for queue in queues or QUEUES:
                url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
                found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)
                if any(int(found["Attributes"][one]) for one in counts):
                    return False
        return True

    await until(lambda: asyncio.to_thread(empty), 60, 0.2)
