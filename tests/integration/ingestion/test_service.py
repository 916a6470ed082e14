"""Ingestion as a whole on an emulator: three ways in, one way out, and who may send."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from compose.local.provision import provision
from contracts.envelope import Context
from contracts.ingestion.document import document_id
from contracts.ingestion.documents import DeleteDocumentV1, IngestDocumentV2, StoredObject
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from contracts.ingestion.queries import (
    DocumentsListedV1,
    DocumentStateV1,
    GetDocumentV1,
    ListDocumentsV1,
)
from contracts.retrieval.events import DocumentIndexedV1
from services.ingestion.bootstrap import bootstrap
from services.ingestion.settings import IngestionSettings
from shared.blobs import S3Blobs, open_blobs
from shared.errors import RequestRefused
from shared.messaging import Bus, BusPublisher, BusRequester, Consumer, open_bus
from shared.messaging.bus import Parcel
from shared.outcomes import Done, Outcome
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from shared.testing.probe import until
from shared.testing.running import Recorder, running
from tests.unit.ingestion.fakes import DIMENSION, HashModel

ACME = Context(tenant="acme", principal="ann")


@dataclass
class System:
    """The running service, with a stand-in for retrieval that indexes all it is told."""

    settings: IngestionSettings
    bus: Bus
    blobs: S3Blobs
    requester: BusRequester
    deleted: Recorder

    async def by_hand(self, body: object) -> None:
        """What `aws sqs send-message` does."""
        text = body if isinstance(body, str) else json.dumps(body)
        await self.bus.send_parcel("ingestion-documents", Parcel(text, {}))

    async def state(self, name: str) -> DocumentStateV1 | None:
        question = GetDocumentV1(document_id=document_id("acme", name))
        try:
            return await self.requester.ask(
                "ingestion-queries", question, DocumentStateV1, ACME, 5000
            )
        except RequestRefused:
            return None

    async def ends(self, name: str, status: str) -> DocumentStateV1:
        async def reached() -> DocumentStateV1 | None:
            found = await self.state(name)
            return found if found and found.document.status == status else None

        found: DocumentStateV1 = await until(reached, within_s=30, every_s=0.2)
        return found

    async def dead_letter(self) -> Any:
        dead = await self.bus.receive("ingestion-documents-dead", 1, 1)
        return dead[0].attributes["reason"] if dead else None


@asynccontextmanager
async def system(moto_url: str, database_url: str, senders: dict[str, list[str]]) -> Any:
    settings = IngestionSettings(
        aws_endpoint_url=moto_url,
        aws_account=MOTO_ACCOUNT,
        name_prefix=own_prefix(),
        poll_wait_s=1,
        drain_s=2,
        database_url=database_url,
        embedding_model="test.embed",
        embedding_dimension=DIMENSION,
        senders=senders,
    )
    await provision(settings)
    async with (
        open_blobs(settings) as blobs,
        open_bus(settings, blobs) as bus,
        bootstrap(settings, bus=bus, blobs=blobs, model=HashModel()) as service,
    ):
        requester, deleted = BusRequester(bus), Recorder()

        async def index(message: DocumentChunkedV1, context: Context) -> Outcome:
            indexed = DocumentIndexedV1(
                document_id=message.document_id, ordinal=message.ordinal, counts=message.counts
            )
            await BusPublisher(bus).publish_now("documents", indexed, context)
            return Done()

        retrieval = Consumer(bus, "retrieval-index", {DocumentChunkedV1: index})
        control = Consumer(bus, "retrieval-control", {DocumentDeletedV1: deleted})
        async with running(requester, retrieval, control, *service.runnables):
            yield System(settings, bus, blobs, requester, deleted)


@pytest.fixture
async def anyone(moto_url: str, database_url: str) -> AsyncIterator[System]:
    async with system(moto_url, database_url, {"*": ["*"]}) as opened:
        yield opened


async def test_three_ways_in_and_one_out(anyone: System) -> None:
    await anyone.by_hand({"tenant": "acme", "name": "hand.txt", "text": "By hand."})
    await anyone.blobs.put("inbox/acme/drops/drop 1.md", b"# Dropped\n\nInto the inbox.")
    await anyone.blobs.put("uploads/acme/1/sent.html", b"<html><body><p>Sent.</p></body></html>")
    message = IngestDocumentV2(
        name="sent.html", source=StoredObject(key="uploads/acme/1/sent.html")
    )
    await BusPublisher(anyone.bus).send("ingestion-documents", message, ACME)
    names = ["hand.txt", "drops/drop 1.md", "sent.html"]
    for name in names:
        await anyone.ends(name, "ready")
    listed = await anyone.requester.ask(
        "ingestion-queries", ListDocumentsV1(), DocumentsListedV1, ACME, 5000
    )
    assert sorted(document.name for document in listed.documents) == sorted(names)

    question = DeleteDocumentV1(document_id=document_id("acme", "drops/drop 1.md"))
    reply = await anyone.requester.ask("ingestion-queries", question, DocumentStateV1, ACME, 5000)
    assert reply.document.status == "deleting"
    await until(lambda: anyone.deleted.calls)
    other = ACME.of("globex")
    with pytest.raises(RequestRefused) as refused:
        await anyone.requester.ask("ingestion-queries", question, DocumentStateV1, other, 5000)
    assert refused.value.code == "not_found"


async def test_a_listing_shows_what_a_reconciliation_needs(anyone: System) -> None:
    """Issue 10, 21."""
    before = datetime.now(UTC) - timedelta(seconds=2)
    for n in range(3):
        await anyone.blobs.put(f"uploads/acme/{n}/a b.txt", b"x" * n)
    found = [
        one for page in [p async for p in anyone.blobs.listed("uploads/acme/")] for one in page
    ]
    assert [(one.key, one.size) for one in found] == [
        (f"uploads/acme/{n}/a b.txt", n) for n in range(3)
    ]
    assert all(one.modified > before and one.etag.isalnum() for one in found)


async def test_what_cannot_be_read_goes_to_the_dead_letters(anyone: System) -> None:
    await anyone.by_hand("not JSON")
    assert await until(anyone.dead_letter) == "not JSON"
    await anyone.by_hand({"tenant": "acme", "name": "x.txt", "key": "inbox/globex/x.txt"})
    assert "inbox/acme/ or uploads/acme/" in await until(anyone.dead_letter)
    await anyone.by_hand({"tenant": "acme", "name": "x.txt", "text": "a", "key": "b"})
    assert "exactly one of 'text' and 'key'" in await until(anyone.dead_letter)
    await anyone.by_hand({"Event": "s3:TestEvent", "Service": "Amazon S3"})
    await anyone.by_hand({"tenant": "acme", "name": "good.txt", "text": "Still at work."})
    await anyone.ends("good.txt", "ready")
    assert await anyone.dead_letter() is None


async def test_a_sender_without_the_tenant_is_rejected(moto_url: str, database_url: str) -> None:
    async with system(moto_url, database_url, {"*": ["globex"]}) as strict:
        await strict.by_hand({"tenant": "acme", "name": "x.txt", "text": "Words."})
        assert "RAGOPS_SENDERS" in await until(strict.dead_letter)
        assert await strict.state("x.txt") is None
