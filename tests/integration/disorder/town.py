"""Ingestion and retrieval on real stores, and a post between them that a test delivers by hand."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.envelope import Context, new_id
from contracts.ingestion.events import DocumentDeletedV1
from contracts.ingestion.manifest import read
from contracts.ingestion.proof import DocumentPurgedV1
from contracts.message import Message
from contracts.platform.replies import RequestFailedV1
from contracts.registry import newest
from contracts.topology import SUBSCRIPTIONS
from services.gateway.services.documents.auditing import Auditing
from services.ingestion.bootstrap import bootstrap as open_ingestion
from services.ingestion.bootstrap import chunkings_of
from services.ingestion.models.errors import Rejected
from services.ingestion.models.times import Times
from services.ingestion.models.version import Claim, Fault
from services.ingestion.services.announcing import Announcer
from services.ingestion.services.reading.parser import open_parser
from services.ingestion.services.upkeep import Upkeep
from services.ingestion.services.working.embedding import Embed
from services.ingestion.services.working.ingest import Ingest
from services.ingestion.services.working.parts import TakeInParts
from services.ingestion.settings import IngestionSettings
from services.ingestion.store.caches import Vectors
from services.ingestion.store.database import Database
from services.ingestion.store.intakes import Intakes
from services.ingestion.store.worklist import Worklist
from services.retrieval.bootstrap import bootstrap as open_retrieval
from services.retrieval.models.embedding_space import EmbeddingSpace
from services.retrieval.models.holding import Held, Page
from services.retrieval.settings import RetrievalSettings
from services.retrieval.store.sqlite.schema import file_for
from services.retrieval.store.sqlite.store import open_sqlite
from shared.errors import NoSuchObject, RequestRefused, Unavailable
from shared.lifecycle import Service
from shared.metering import Metering
from shared.outcomes import Done, Handler, Handlers, Outcome, Reject
from shared.testing.fakes import FakeBlobs, FakePublisher, no_bus
from tests.unit.ingestion.fakes import DIMENSION, HashModel
from tests.unit.retrieval.fakes import FakeModel

SPACE = EmbeddingSpace("test.embed", DIMENSION)
# Everything that waits is due at once, and a claim without a word is free at once.
AT_ONCE = Times(
    lease_s=0.0, resend_s=0.0, backoff_s=0.0, finish_s=0.0, purge_after_s=0.0, purge_again_s=0.0
)
ATTEMPTS = 5
# Versions of a document, so that some are let go.
KEPT = 2


@dataclass(frozen=True)
class Parcel:
    """A message on a queue, as often as it was delivered so far."""

    queue: str
    message: Message
    context: Context
    id: str
    attempts: int = 0


@dataclass
class Post:
    """shared.ports.Publisher: what is sent waits in `waiting` until it is delivered."""

    waiting: list[Parcel] = field(default_factory=list)

    async def publish(
        self, topic: str, message: Message, context: Context, *, id: str | None = None
    ) -> None:
        for subscription in SUBSCRIPTIONS:
            if subscription.topic == topic and message.message_type in subscription.types:
                await self.send(subscription.queue, message, context, id=id)

    publish_now = publish

    async def send(
        self, queue: str, message: Message, context: Context, *, id: str | None = None
    ) -> str:
        event_id = id or new_id()
        self.waiting.append(Parcel(queue, message, context, event_id))
        return event_id


@dataclass
class Town:
    """`dead` are the letters that nobody could handle."""

    database: Database
    blobs: FakeBlobs
    post: Post
    ingest: Ingest
    worklist: Worklist
    announcer: Announcer
    upkeep: Upkeep
    handlers: Mapping[str, Handlers]
    sqlite: Path
    store: Any
    dead: list[tuple[Parcel, str]] = field(default_factory=list)

    async def deliver(self, parcel: Parcel) -> Message | None:
        """As the consumer does: what fails comes again, up to ATTEMPTS times."""
        handlers = self.handlers.get(parcel.queue, {})
        message = newest(parcel.message)
        if type(message) not in handlers:
            return None
        sent_at = parcel.context.sent_at or datetime.now(UTC)
        changes = {"causation_id": parcel.id, "sent_at": sent_at}
        context = parcel.context.model_copy(update=changes)
        try:
            outcome = await handlers[type(message)](message, context)
        except (NoSuchObject, Unavailable) as error:
            again = replace(parcel, attempts=parcel.attempts + 1)
            if again.attempts < ATTEMPTS:
                self.post.waiting.append(again)
            else:
                self.dead.append((parcel, str(error)))
            return None
        if isinstance(outcome, Reject):
            self.dead.append((parcel, outcome.reason))
        return outcome.reply if isinstance(outcome, Done) else None

    async def ask(
        self, queue: str, message: Message, reply: type[Any], context: Context, budget_ms: int
    ) -> Any:
        """shared.ports.Requester, without a queue between."""
        answer = await self.deliver(Parcel(queue, message, context, new_id()))
        if isinstance(answer, RequestFailedV1):
            raise RequestRefused(answer.code, answer.message)
        assert isinstance(answer, reply), answer
        return answer

    async def claims(self) -> list[Claim]:
        return await self.worklist.claim(1)

    async def work(self, claim: Claim, *, lost: str = "") -> None:
        """`lost` says where the worker dies: before it `ends`, or before it `tells`."""
        worklist: Any = Dying(self.worklist) if lost == "ends" else self.worklist
        try:
            announcement = await replace(self.ingest, worklist=worklist).ingest(claim)
        except Died:
            return
        except Rejected as error:
            fault = Fault(error.code, error.message)
            announcement = await self.worklist.settle(claim, "rejected", fault)
        if announcement is not None and not lost:
            await self.announcer.tell(announcement)

    async def settle(self) -> None:
        """Until nothing waits, nothing is to be worked on, and upkeep has nothing to do."""
        quiet = 0
        while quiet < 2:
            busy = bool(self.post.waiting)
            while self.post.waiting:
                await self.deliver(self.post.waiting.pop(0))
            for claim in await self.claims():
                busy = True
                await self.work(claim)
            await self.upkeep.look()
            busy = busy or bool(self.post.waiting)
            quiet = 0 if busy else quiet + 1

    async def held(self, tenant: str) -> list[Held]:
        found: list[Held] = await self.store.holdings(tenant, Page(limit=1000))
        return found

    def texts(self, tenant: str, document: str) -> list[str]:
        """The passages in the file, in order."""
        with closing(sqlite3.connect(self.sqlite)) as file:
            rows = file.execute(
                "SELECT p.text FROM passages p JOIN versions v ON v.id = p.version "
                "JOIN tenants t ON t.id = v.tenant WHERE t.name = ? AND v.document_id = ? "
                "ORDER BY v.ordinal, p.n",
                (tenant, document),
            )
            return [row[0] for row in rows]

    def manifests(self, tenant: str) -> Iterator[tuple[str, list[str]]]:
        for key, body in sorted(self.blobs.objects.items()):
            if key.startswith(f"manifests/{tenant}/"):
                yield key, [line.text for line in read(body)]

    def audit(self, **options: Any) -> Auditing:
        return Auditing(self, _Silent(), **options)


class _Silent:
    def looked(self, what: str, count: int) -> None:
        """Nobody watches."""


class Died(Exception):
    """The worker is gone in the middle."""


class Dying:
    """A worklist whose worker dies when its work is done: the manifest lies there already."""

    def __init__(self, worklist: Worklist) -> None:
        self._worklist = worklist

    def __getattr__(self, name: str) -> Any:
        if name in ("finish", "duplicate"):
            raise Died(name)
        return getattr(self._worklist, name)


@asynccontextmanager
async def open_town(database: Database, folder: Path) -> AsyncIterator[Town]:
    blobs, post, model = FakeBlobs(), Post(), HashModel()
    ingestion = IngestionSettings(
        senders={"*": ["*"]},
        s3_senders=("*",),
        embedding_model=SPACE.model,
        embedding_dimension=SPACE.dimension,
        documents_in_flight=4,
        kept_versions=KEPT,
    )
    retrieval = RetrievalSettings(
        sqlite_path=folder,
        embedding_model=SPACE.model,
        embedding_dimension=SPACE.dimension,
    )
    async with (
        open_parser(processes=1, timeout_s=10) as parser,
        open_sqlite(folder, SPACE) as store,
        open_ingestion(
            ingestion,
            bus=no_bus(),
            publisher=post,
            database=database,
            blobs=blobs,
            model=model,
            parser=parser,
            times=AT_ONCE,
        ) as taking,
        open_retrieval(
            retrieval,
            bus=no_bus(),
            publisher=post,
            blobs=blobs,
            model=FakeModel(),
            store=store,
            graph=store,
        ) as finding,
    ):
        worklist = Worklist(database, AT_ONCE, KEPT)
        vectors = Vectors(database, 1000)
        embed = Embed(
            model, vectors, Metering("ingestion", FakePublisher()), SPACE.model, SPACE.dimension
        )
        parts = TakeInParts(Intakes(database, AT_ONCE), blobs, asyncio.Event(), 100_000)
        yield Town(
            database=database,
            blobs=blobs,
            post=post,
            ingest=Ingest(worklist, blobs, parser, embed, parts, chunkings_of(ingestion)),
            worklist=worklist,
            announcer=Announcer(post, worklist),
            upkeep=_upkeep(taking),
            handlers={
                **taking.handlers,
                **finding.handlers,
                "memory-events": {DocumentDeletedV1: _confirming("memory", post)},
                "gateway-events": {DocumentDeletedV1: _confirming("gateway", post)},
            },
            sqlite=file_for(folder, SPACE),
            store=store,
        )


def _confirming(service: str, post: Post) -> Handler:
    """A service that holds nothing of the document."""

    async def deleted(message: DocumentDeletedV1, context: Context) -> Outcome:
        purged = DocumentPurgedV1(
            document_id=message.document_id, ordinal=message.ordinal, service=service, places=()
        )
        await post.publish("documents", purged, context)
        return Done()

    return deleted


def _upkeep(service: Service) -> Upkeep:
    [found] = [one for one in service.runnables if isinstance(one, Upkeep)]
    return found
