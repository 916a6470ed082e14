"""Documents that come, change and go in any order, against a small model of what must be left.

The model knows one thing of each document: the newest content by the order in which offers were
taken in, or nothing since it was deleted.
"""

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from contracts.envelope import Context, new_id
from contracts.ingestion.document import document_id
from contracts.ingestion.documents import (
    DeleteDocumentV1,
    DroppedObject,
    IngestDocumentV2,
    ObjectsDroppedV1,
    StoredObject,
)
from contracts.ingestion.manifest import manifest_key, manifests_of
from contracts.ingestion.queries import DocumentStateV1
from contracts.registry import newest
from services.ingestion.models.version import BY_HAND, Claim
from services.ingestion.services.intake.foreign import foreign, object_id
from services.retrieval.models.document import Head
from shared.messaging.wire import decode, message_of
from tests.integration.disorder.town import KEPT, Parcel, Town

QUEUE, QUERIES = "ingestion-documents", "ingestion-queries"
NAMES = ("a.txt", "b.txt")
WORDS = ("Heron", "Osprey", "Kestrel")
# What happens most often in life stands several times.
ACTIONS = (
    *("upload", "by_hand", "drop", "delete", "delete"),
    *("take_in",) * 4,
    *("carry",) * 5,
    *("work",) * 4,
    *("claim", "go_on", "look_after", "look_after"),
)
LOST = ("", "ends", "", "tells")
names, words, actions = map(st.sampled_from, (NAMES, WORDS, ACTIONS))
places = st.integers(0, 1000)


@dataclass
class Known:
    """What the model knows of a document. `content` None: nothing is left of it.

    `earlier` are the contents since the last deletion: versions that may be kept.
    """

    content: str | None = None
    earlier: set[str] = field(default_factory=set)
    in_inbox: bool = False
    deleted_at: datetime | None = None
    sequencer: str = ""
    taken: bool = False


@dataclass
class Model:
    """`seen` holds the ids of the offers that were taken in, with their document's name."""

    documents: dict[str, Known] = field(default_factory=lambda: {name: Known() for name in NAMES})
    seen: dict[str, str] = field(default_factory=dict)

    def forget(self, name: str) -> None:
        """What is sent by hand has its content's id: after a deletion it is new again."""
        for id_ in [id_ for id_, of in self.seen.items() if of == name and id_.startswith(BY_HAND)]:
            del self.seen[id_]


class Disorder(RuleBasedStateMachine):
    """Subclasses say in which town, and who runs its loop."""

    town: Town
    loop: asyncio.AbstractEventLoop
    examples = 0

    @initialize()
    def begin(self) -> None:
        type(self).examples += 1
        self.tenant = f"t{self.examples}"
        self.model = Model()
        self.inbox: dict[str, str] = {}
        self.dropped_texts: dict[str, set[str]] = {name: set() for name in NAMES}
        self.offers: list[tuple[Parcel, str, str]] = []
        self.claimed: list[Claim] = []
        self.dropped = 0
        self.now = datetime.now(UTC)
        self.town.post.waiting.clear()
        self.town.dead.clear()

    @rule(action=actions, name=names, word=words, at=places, twice=st.booleans())
    def step(self, action: str, name: str, word: str, at: int, twice: bool) -> None:
        """One rule for all: Hypothesis leaves whole rules out of an example, and these belong
        together.
        """
        match action:
            case "upload" | "by_hand" | "drop":
                getattr(self, action)(name, word)
            case "delete":
                self.delete(name)
            case "take_in" | "carry":
                getattr(self, action)(at, twice)
            case "work":
                self.work(LOST[at % len(LOST)])
            case _:
                getattr(self, action)()

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def tick(self) -> datetime:
        """The broker's clock: each message has a time of its own."""
        self.now += timedelta(milliseconds=1)
        return self.now

    # -- what people do

    def upload(self, name: str, word: str) -> None:
        key, text = f"uploads/{self.tenant}/{new_id()}/{name}", f"The {word} gate of {name}."
        self.run(self.town.blobs.put(key, text.encode()))
        message = IngestDocumentV2(name=name, source=StoredObject(key=key), media_type="text/plain")
        self.send(Parcel(QUEUE, message, self.context(), new_id()), name, text)

    def by_hand(self, name: str, word: str) -> None:
        text = f"By hand: the {word} gate of {name}."
        body = json.dumps({"tenant": self.tenant, "name": name, "text": text})
        envelope = decode(body, foreign)
        parcel = Parcel(QUEUE, message_of(envelope), self.context(), envelope.id)
        self.send(parcel, name, text)

    def drop(self, name: str, word: str) -> None:
        key, text = f"inbox/{self.tenant}/{name}", f"Dropped: the {word} gate of {name}."
        self.run(self.town.blobs.put(key, text.encode()))
        self.town.blobs.modified[key] = self.now
        self.inbox[name] = text
        self.dropped_texts[name].add(text)
        self.dropped += 1
        one = DroppedObject(
            bucket="ragops-carrier", key=key, size=len(text), sequencer=f"{self.dropped:08X}"
        )
        parcel = Parcel(QUEUE, ObjectsDroppedV1(objects=(one,)), self.context(), object_id(one))
        self.send(parcel, name, "")

    def delete(self, name: str) -> None:
        request = DeleteDocumentV1(document_id=document_id(self.tenant, name))
        context = self.context().model_copy(update={"sent_at": self.tick()})
        answer = self.run(self.town.deliver(Parcel(QUERIES, request, context, new_id())))
        known = self.model.documents[name]
        assert isinstance(answer, DocumentStateV1) == known.taken
        if known.taken:
            known.content, known.in_inbox, known.deleted_at = None, False, self.now
            known.earlier.clear()
            self.model.forget(name)

    def send(self, parcel: Parcel, name: str, text: str) -> None:
        context = parcel.context.model_copy(update={"sent_at": self.tick()})
        self.offers.append((replace(parcel, context=context), name, text))

    def context(self) -> Context:
        return Context(tenant=self.tenant)

    # -- what the queues do: late, twice, in any order

    def take_in(self, at: int, twice: bool) -> None:
        if self.offers:
            place = at % len(self.offers)
            parcel, name, text = self.offers[place]
            for _ in range(1 + twice):
                self.run(self.town.deliver(parcel))
                self.taken_in(parcel, name, text)
            if not twice:
                self.offers.pop(place)

    def carry(self, at: int, twice: bool) -> None:
        waiting = self.town.post.waiting
        if waiting:
            place = at % len(waiting)
            parcel = waiting[place] if twice else waiting.pop(place)
            self.run(self.town.deliver(parcel))

    def taken_in(self, parcel: Parcel, name: str, text: str) -> None:
        known, sent_at = self.model.documents[name], parcel.context.sent_at
        if parcel.id in self.model.seen:
            return
        self.model.seen[parcel.id] = name
        known.taken = True
        if known.deleted_at and sent_at and sent_at < known.deleted_at:
            if parcel.id.startswith(BY_HAND):
                del self.model.seen[parcel.id]
            return
        message = newest(parcel.message)
        if isinstance(message, ObjectsDroppedV1):
            sequencer = message.objects[0].sequencer or ""
            if sequencer < known.sequencer:
                return
            known.sequencer, known.in_inbox = sequencer, True
            known.content = ""
            known.earlier |= self.dropped_texts[name]
            return
        known.content, known.in_inbox = text, False
        known.earlier.add(text)

    # -- what workers do

    def work(self, lost: str) -> None:
        for claim in self.run(self.town.claims()):
            self.run(self.town.work(claim, lost=lost))

    def claim(self) -> None:
        """A worker that takes its time: another may take the version over meanwhile."""
        self.claimed += self.run(self.town.claims())

    def go_on(self) -> None:
        if self.claimed:
            self.run(self.town.work(self.claimed.pop(0)))

    def look_after(self) -> None:
        self.run(self.town.upkeep.look())

    # -- what must be left

    def teardown(self) -> None:
        if hasattr(self, "tenant"):
            self.run(self.finish())

    async def finish(self) -> None:
        for parcel, name, text in self.offers:
            await self.town.deliver(parcel)
            self.taken_in(parcel, name, text)
        for claim in self.claimed:
            await self.town.work(claim)
        await self.town.settle()
        held = {one.document_id: one for one in await self.town.held(self.tenant)}
        manifests = dict(self.town.manifests(self.tenant))
        for name, known in self.model.documents.items():
            document = document_id(self.tenant, name)
            last = self.inbox[name] if known.in_inbox else known.content
            [row] = await self.registered(document) if known.taken else [None]
            found = held.get(document)
            if last is None:
                assert row is None or row.status == "deleted", (name, row)
                assert found is None or (found.head and not found.head.live), (name, found)
                assert found is None or found.versions == (), (name, found)
                continue
            assert row is not None
            assert row.status == "ready", (name, row)
            assert found is not None
            assert found.head == Head(row.ordinal, live=True), (name, found, row)
            assert [version.ordinal for version in found.versions] == [row.ordinal]
            assert self.town.texts(self.tenant, document) == [last], name
            assert manifests.pop(manifest_key(self.tenant, document, row.ordinal)) == [last]
            kept = [key for key in manifests if key.startswith(manifests_of(self.tenant, document))]
            assert len(kept) < KEPT, (name, kept)
            for key in kept:
                [text] = manifests.pop(key)
                assert text in known.earlier, (name, key, text)
        assert manifests == {}
        assert self.town.dead == []
        audit = self.town.audit(unused_s=0.0)
        assert [one async for group in audit.differences(self.tenant) for one in group] == []

    async def registered(self, document: str) -> list[Any]:
        async with self.town.database.transaction() as transaction:
            rows = await transaction.execute(
                "SELECT v.ordinal, v.status FROM versions v WHERE v.document_id = :id"
                " AND v.status IN {shown} ORDER BY v.ordinal DESC LIMIT 1",
                {"id": document},
            )
            return [*rows] or [None]
