"""Fakes of what the gateway depends on, and the gateway wired with them."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import log2
from types import MappingProxyType
from typing import Any

import httpx
from pydantic import SecretStr

from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1, PastTurn
from contracts.message import Message
from contracts.platform.replies import PingV1, PongV1
from contracts.platform.usage import ModelUsedV2
from contracts.retrieval.graph import (
    Edge,
    Evidence,
    GraphAnsweredV1,
    Mark,
    Named,
    Neighbour,
)
from contracts.retrieval.search import Hit, SearchAnsweredV1, SearchRequestedV1
from services.gateway.bootstrap import GatewayService, bootstrap
from services.gateway.models.document import AcceptedNote
from services.gateway.models.erasure import Erasure, Removed
from services.gateway.models.principal import SCOPES, Principal
from services.gateway.models.session import (
    RECENT_TURNS,
    SESSION_TURNS,
    Session,
    SessionTurn,
    Summary,
)
from services.gateway.models.shared_answer import Kept, Pieces, Place, Sought, Worded
from services.gateway.services.access import Access
from services.gateway.services.ports import Ledger, PromptRegistry, SharedAnswers
from services.gateway.services.turn.metered_model import Price
from services.gateway.settings import GatewaySettings
from shared.errors import Unavailable
from shared.ports import (
    OWN_SAMPLING,
    ChatMessage,
    Clock,
    Embedded,
    EmbedRole,
    Model,
    ModelReport,
    Reranked,
    Sampling,
    Tool,
    ToolCall,
)
from shared.testing.fakes import FakeBlobs, FakePublisher, FakeRequester, no_bus
from shared.testing.probe import until
from tests.unit.gateway.fake_ledger import FakeLedger, FakeRates
from tests.unit.gateway.fake_prompts import FakePrompts

SECRET = "a secret of at least thirty-two bytes"
PRICE = Decimal("0.000001")


def price(model: str, input_tokens: int, output_tokens: int) -> Decimal:
    return PRICE * (input_tokens + output_tokens)


def a_hit(n: int = 1, text: str = "The allowance is 40 euros a day.", **fields: Any) -> Hit:
    known: dict[str, Any] = {
        "document_id": f"doc-{n}",
        "name": f"policy-{n}.md",
        "ordinal": 1,
        "passage_id": f"doc-{n}:1:0",
        "text": text,
        "start": 0,
        "end": len(text),
        "score": 1.0 / n,
    }
    return Hit(**known | fields)


def a_past_turn(n: int, question: str = "Q", answer: str = "A") -> PastTurn:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
    return PastTurn(turn_id=f"turn-{n}", question=question, answer=answer, completed_at=at)


@dataclass
class IdleRequester(FakeRequester):
    """A requester whose loop has nothing to receive."""

    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        await self.stopped.wait()

    def stop(self) -> None:
        self.stopped.set()

    def alive(self) -> bool:
        return not self.stopped.is_set()


@dataclass
class FakeModel:
    """Says `pieces`, an exception among them is raised; `hang` waits before the first one."""

    pieces: Sequence[str | Exception] = ("The allowance is 40 euros [1].",)
    by_model: dict[str, Sequence[str | Exception]] = field(default_factory=dict)
    hang: Callable[[], Awaitable[Any]] | None = None
    reports: bool = True
    calls: list[tuple[str, str, tuple[ChatMessage, ...]]] = field(default_factory=list)
    # What each call was about.
    about: list[Mapping[str, str]] = field(default_factory=list)
    # How each call was to be answered: the longest answer, and how words are chosen.
    asked: list[tuple[int, Sampling]] = field(default_factory=list)
    stop_reason: str = "end_turn"
    closed: int = 0
    vectors: dict[str, list[float]] = field(default_factory=dict)
    embedded: list[str] = field(default_factory=list)
    # What a call is reported to cost; None: what `price` says.
    cost_usd: Decimal | None = None
    # What the next calls of a tool give; an exception is raised. And with what each was made.
    arguments: list[Mapping[str, Any] | Exception | None] = field(default_factory=list)
    tool_calls: list[tuple[str, str, str, Tool]] = field(default_factory=list)

    async def converse(
        self,
        model: str,
        system: str,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        about: Mapping[str, str] = MappingProxyType({}),
        sampling: Sampling = OWN_SAMPLING,
    ) -> AsyncIterator[str | ModelReport]:
        self.calls.append((model, system, tuple(messages)))
        self.about.append(about)
        self.asked.append((max_tokens, sampling))
        try:
            for piece in self.by_model.get(model, self.pieces):
                if isinstance(piece, Exception):
                    raise piece
                yield piece
                if self.hang is not None:
                    await self.hang()
            cost = price(model, 100, 20) if self.cost_usd is None else self.cost_usd
            yield ModelReport(model, 100, 20, cost, stop_reason=self.stop_reason)
        finally:
            self.closed += 1

    async def call_tool(
        self, model: str, system: str, text: str, tool: Tool, max_tokens: int
    ) -> ToolCall:
        self.tool_calls.append((model, system, text, tool))
        if self.hang is not None:
            await self.hang()
        given = self.arguments.pop(0)
        if isinstance(given, Exception):
            raise given
        return ToolCall(given, ModelReport(model, 100, 20, price(model, 100, 20)))

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        """The vectors that a test has given."""
        self.embedded += texts
        vectors = [self.vectors.get(text, [1.0, 0.0]) for text in texts]
        return Embedded(vectors, ModelReport(model, 5 * len(texts), 0, price(model, 5, 0)))

    async def rerank(self, model: str, query: str, passages: Sequence[str]) -> Reranked:
        raise NotImplementedError


@dataclass
class FakeSessions:
    turns: dict[tuple[str, str, str], list[SessionTurn]] = field(default_factory=dict)
    summaries: dict[tuple[str, str, str], Summary] = field(default_factory=dict)
    recent: dict[tuple[str, str], deque[SessionTurn]] = field(default_factory=dict)
    cuts: list[tuple[str, str, int]] = field(default_factory=list)
    down: bool = False

    async def ping(self) -> None:
        self._check()

    async def load(self, tenant: str, user: str, conversation_id: str) -> Session:
        self._check()
        key = (tenant, user, conversation_id)
        return Session(
            turns=tuple(self.turns.get(key, ()))[-SESSION_TURNS:],
            summary=self.summaries.get(key),
            recent=tuple(self.recent.get((tenant, user), ())),
        )

    async def append(self, tenant: str, user: str, conversation_id: str, turn: SessionTurn) -> None:
        self._check()
        self.turns.setdefault((tenant, user, conversation_id), []).append(turn)
        said = turn.model_copy(update={"conversation_id": conversation_id})
        recent = self.recent.setdefault((tenant, user), deque(maxlen=RECENT_TURNS))
        recent.append(said)

    async def summarise(
        self, tenant: str, user: str, conversation_id: str, summary: Summary
    ) -> None:
        self._check()
        self.summaries[tenant, user, conversation_id] = summary

    async def forget(self, tenant: str, user: str, conversation_id: str, until: datetime) -> int:
        self._check()
        self.summaries.pop((tenant, user, conversation_id), None)
        known = self.recent.get((tenant, user), ())
        kept = [turn for turn in known if turn.conversation_id != conversation_id]
        self.recent[tenant, user] = deque(kept, maxlen=RECENT_TURNS)
        return len(self.turns.pop((tenant, user, conversation_id), ()))

    async def erase(self, tenant: str, user: str | None, until: datetime) -> int:
        self._check()
        keys = [key for key in self.turns if key[0] == tenant and user in (None, key[1])]
        for key in keys:
            self.recent.pop(key[:2], None)
        return sum(len(self.turns.pop(key)) for key in keys)

    async def cut(self, tenant: str, document_id: str, ordinal: int) -> int:
        self._check()
        self.cuts.append((tenant, document_id, ordinal))
        return 0

    def _check(self) -> None:
        if self.down:
            raise Unavailable("redis")


@dataclass
class FakeNotes:
    notes: dict[tuple[str, str], AcceptedNote] = field(default_factory=dict)
    dues: dict[tuple[str, str], datetime] = field(default_factory=dict)
    down: bool = False

    async def put(self, tenant: str, note: AcceptedNote, due: datetime) -> None:
        self._check()
        self.notes[tenant, note.document_id] = note
        self.dues[tenant, note.document_id] = due

    async def get(self, tenant: str, document_id: str) -> AcceptedNote | None:
        self._check()
        return self.notes.get((tenant, document_id))

    async def remove(self, tenant: str, note: AcceptedNote) -> None:
        self._check()
        key = (tenant, note.document_id)
        if key in self.notes and self.notes[key].message_id == note.message_id:
            del self.notes[key], self.dues[key]

    async def due(self, now: datetime, limit: int) -> Sequence[tuple[str, AcceptedNote]]:
        self._check()
        late = sorted((due, key) for key, due in self.dues.items() if due <= now)
        return [(key[0], self.notes[key]) for _, key in late[:limit]]

    async def postpone(self, tenant: str, note: AcceptedNote, due: datetime) -> None:
        self._check()
        self.dues[tenant, note.document_id] = due

    async def anonymise(self, tenant: str, user: str | None) -> int:
        self._check()
        theirs = [
            key
            for key, note in self.notes.items()
            if key[0] == tenant and note.user and user in (None, note.user)
        ]
        for key in theirs:
            self.notes[key] = self.notes[key].model_copy(update={"user": None})
        return len(theirs)

    async def remove_all(self, tenant: str) -> int:
        theirs = [key for key in self.notes if key[0] == tenant]
        for key in theirs:
            del self.notes[key], self.dues[key]
        return len(theirs)

    def _check(self) -> None:
        if self.down:
            raise Unavailable("redis")


@dataclass
class FakeReceipts:
    erasures: dict[tuple[str, str], Erasure] = field(default_factory=dict)
    dues: dict[tuple[str, str], datetime] = field(default_factory=dict)

    async def put(self, erasure: Erasure, due: datetime | None) -> None:
        key = (erasure.owner, erasure.erasure_id)
        known = self.erasures.get(key, erasure)
        self.erasures[key] = erasure.model_copy(update={"removed": known.removed})
        self.dues.pop(key, None)
        if due is not None:
            self.dues[key] = due

    async def note(
        self, tenant: str, erasure_id: str, service: str, round: int, removed: Removed
    ) -> None:
        if (erasure := self.erasures.get((tenant, erasure_id))) is not None:
            rounds = erasure.removed.setdefault(service, {})
            known = rounds.get(round, {})
            rounds[round] = {one: max(known.get(one, 0), count) for one, count in removed.items()}

    async def name_models(self, tenant: str, erasure_id: str, models: Sequence[str]) -> None:
        if (erasure := self.erasures.get((tenant, erasure_id))) is not None:
            named = tuple(sorted({*erasure.models, *models}))
            self.erasures[tenant, erasure_id] = erasure.model_copy(update={"models": named})

    async def get(self, tenant: str, erasure_id: str) -> Erasure | None:
        return self.erasures.get((tenant, erasure_id))

    async def due(self, now: datetime, limit: int) -> Sequence[Erasure]:
        return [self.erasures[key] for key, due in self.dues.items() if due <= now]

    async def remove_all(self, tenant: str) -> int:
        theirs = [key for key in self.erasures if key[0] == tenant]
        for key in theirs:
            del self.erasures[key]
            self.dues.pop(key, None)
        return len(theirs)


class NothingShared:
    """Of SharedAnswers: a store that is away, so that every turn computes its own answer."""

    async def generation(self, tenant: str) -> str:
        raise Unavailable("redis")

    async def seek(self, place: Place, turn_id: str) -> Sought:
        raise Unavailable("redis")

    async def renew(self, place: Place, turn_id: str) -> None:
        raise Unavailable("redis")

    async def add(self, tenant: str, turn_id: str, pieces: Pieces) -> None:
        raise Unavailable("redis")

    async def land(
        self,
        place: Place,
        turn_id: str,
        last: Pieces,
        kept: Pieces,
        max_age_s: float,
        worded: Worded | None = None,
    ) -> None:
        raise Unavailable("redis")

    async def alike(self, place: Place) -> list[tuple[str, str]]:
        raise Unavailable("redis")

    async def entry(self, place: Place, key: str) -> Kept | None:
        raise Unavailable("redis")

    async def read(self, tenant: str, leader: str, after: str) -> tuple[str, Pieces]:
        raise Unavailable("redis")

    async def leads(self, tenant: str, leader: str) -> bool:
        raise Unavailable("redis")

    async def followed(self, tenant: str, leader: str) -> bool:
        raise Unavailable("redis")

    async def document_changed(self, tenant: str, document_id: str, *, deleted: bool) -> None:
        """It keeps nothing, so nothing has to go."""

    async def forget(self, tenant: str) -> None:
        """It keeps nothing, so nothing has to go."""

    async def remove_all(self, tenant: str) -> int:
        return 0


def a_neighbourhood(
    asked: str = "Harbour", around: Sequence[tuple[str, str]] = (("Ferry", "names"),)
) -> GraphAnsweredV1:
    """Each of `around`, (name, relation), with a passage of its own that holds both names."""
    neighbours, edges, passages = [], [], []
    for n, (name, relation) in enumerate(around):
        text = f"{asked} and {name} stand here."
        end = len(asked) + 5
        marks = (
            Mark(name=asked.lower(), start=0, end=len(asked)),
            Mark(name=name.lower(), start=end, end=end + len(name)),
        )
        about = relation in ("names", "same as")
        passages.append(
            Evidence(
                passage_id=f"doc-{n}:1:0",
                document_id=f"doc-{n}",
                name=f"harbour-{n}.md",
                page=n + 1,
                start=0,
                end=len(text),
                text=text,
                about=about,
                mentions=not about,
                marks=marks,
            )
        )
        ends = [asked.lower(), name.lower()]
        kind = "same as" if relation == "same as" else "names"
        both = (
            [ends, ends[::-1]]
            if relation == "names each other"
            else [ends if about else ends[::-1]]
        )
        edges += [
            Edge(source=a, target=b, kind=kind, passages=(f"doc-{n}:1:0",), evidence=1)
            for a, b in both
        ]
        neighbours.append(
            Neighbour(
                name=name.lower(),
                written=name,
                named_by=n + 1,
                relation=relation,
                strength=1 / log2(2 + n),
            )
        )
    return GraphAnsweredV1(
        entity=Named(name=asked.lower(), written=asked, named_by=len(around)),
        entities=tuple(neighbours),
        edges=tuple(edges),
        passages=tuple(passages),
    )


def an_answered_search(*hits: Hit, **fields: Any) -> SearchAnsweredV1:
    known = {"legs": {"bm25": "applied", "dense": "applied"}, "input_tokens": 7, "cost_usd": "0.5"}
    return SearchAnsweredV1(hits=hits, **known | fields)


def answers_of_a_good_day() -> dict[type[Message], Any]:
    return {
        SearchRequestedV1: an_answered_search(a_hit(1), a_hit(2, "Trains are preferred.")),
        ContextRequestedV1: ContextAnsweredV1(conversation_id="c", turns=()),
        PingV1: PongV1(service="any"),
    }


@dataclass
class Gateway:
    """The whole service, and the fakes that it stands on."""

    requester: IdleRequester = field(default_factory=lambda: IdleRequester(answers_of_a_good_day()))
    publisher: FakePublisher = field(default_factory=FakePublisher)
    model: FakeModel = field(default_factory=FakeModel)
    blobs: FakeBlobs = field(default_factory=FakeBlobs)
    sessions: FakeSessions = field(default_factory=FakeSessions)
    notes: FakeNotes = field(default_factory=FakeNotes)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    rates: FakeRates = field(default_factory=FakeRates)
    prompts: FakePrompts = field(default_factory=FakePrompts)
    receipts: FakeReceipts = field(default_factory=FakeReceipts)
    service: GatewayService = field(init=False)

    def client(self, token: str | None = None, **principal: Any) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token or a_token(**principal)}"}
        transport = httpx.ASGITransport(self.service.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)

    async def ask(self, question: str, **body: Any) -> list[tuple[str, Any]]:
        async with self.client() as client:
            response = await client.post("/v1/chat", json={"question": question, **body})
        assert response.status_code == 200, response.text
        return events_in(response.text)

    async def ask_and_leave(self, question: str, when: asyncio.Event, **body: Any) -> bytes:
        """What the client was sent until it hung up, which it does at `when`."""
        inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        asked = json.dumps({"question": question, **body}).encode()
        inbox.put_nowait({"type": "http.request", "body": asked, "more_body": False})
        async with self.client() as client:
            headers = [(k.lower().encode(), v.encode()) for k, v in client.headers.items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": "/v1/chat",
            "raw_path": b"/v1/chat",
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "headers": [*headers, (b"content-type", b"application/json")],
        }
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        request = asyncio.create_task(self.service.app(scope, inbox.get, send))
        await when.wait()
        inbox.put_nowait({"type": "http.disconnect"})
        await request
        return b"".join(message.get("body", b"") for message in sent)

    async def used(self, count: int) -> list[ModelUsedV2]:
        """The first `count` usage events, which come when the answer has ended."""
        await until(lambda: len(self.publisher.on("usage")) >= count)
        return self.publisher.on("usage")


@asynccontextmanager
async def open_gateway(
    price: Price = price,
    clock: Clock | None = None,
    ledger: Ledger | None = None,
    answers: SharedAnswers | None = NothingShared(),  # noqa: B008 (it has no state)
    model: Model | None = None,
    registry: PromptRegistry | None = None,
    **settings: Any,
) -> AsyncIterator[Gateway]:
    """On a free port, where nobody listens until its server runs.

    `ledger`, `model` and `registry` replace the fakes.
    """
    known: dict[str, Any] = {"port": 0, "answer_models": ("first", "second")}
    gateway = Gateway()
    opened = bootstrap(
        GatewaySettings(token_secret=SecretStr(SECRET), **known | settings),
        bus=no_bus(),
        requester=gateway.requester,
        publisher=gateway.publisher,
        model=model or gateway.model,
        price=price,
        blobs=gateway.blobs,
        sessions=gateway.sessions,
        notes=gateway.notes,
        ledger=ledger or gateway.ledger,
        rates=gateway.rates,
        receipts=gateway.receipts,
        answers=answers,
        registry=registry or gateway.prompts,
        clock=clock,
    )
    async with opened as gateway.service:
        yield gateway


def a_principal(**fields: Any) -> Principal:
    known: dict[str, Any] = {"tenant": "acme", "user": "ann", "scopes": frozenset(SCOPES)}
    return Principal(**known | fields)


def a_token(secret: str = SECRET, life: timedelta = timedelta(hours=1), **fields: Any) -> str:
    return Access(secret).mint(a_principal(**fields), life)


def events_in(stream: str) -> list[tuple[str, Any]]:
    events = []
    for block in stream.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
        if lines:
            events.append((lines["event"], json.loads(lines["data"])))
    return events


def text_of(events: Sequence[tuple[str, Any]]) -> str:
    return "".join(data["text"] for event, data in events if event == "token")
