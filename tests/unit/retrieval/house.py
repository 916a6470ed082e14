"""Retrieval as its bootstrap wires it, on the in-memory store and fakes."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Self

from contracts.envelope import Context
from contracts.message import Message
from contracts.platform.usage import ModelUsedV2
from contracts.retrieval.graph import GraphAnsweredV1, GraphRequestedV1
from contracts.retrieval.search import SearchAnsweredV1, SearchRequestedV1
from services.retrieval.bootstrap import bootstrap
from services.retrieval.services.ports import GraphStore, Names
from services.retrieval.settings import RetrievalSettings
from shared.lifecycle import Service
from shared.outcomes import Done, Outcome
from shared.testing.fakes import FakeBlobs, FakePublisher, no_bus
from tests.unit.retrieval.fakes import FakeModel
from tests.unit.retrieval.making import SPACE, passages_of, version
from tests.unit.retrieval.memory_store import MemoryStore

CONTEXT = Context(tenant="acme", principal="ann", causation_id="request-1")


@dataclass
class House:
    """The service with its store, its graph and its fakes; `settings` are those of a test."""

    store: MemoryStore = field(default_factory=MemoryStore)
    graph: Names | None = None
    beside: GraphStore | None = None
    model: FakeModel = field(default_factory=FakeModel)
    publisher: FakePublisher = field(default_factory=FakePublisher)
    blobs: FakeBlobs = field(default_factory=FakeBlobs)
    settings: dict[str, Any] = field(default_factory=dict)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _service: Service | None = None

    async def __aenter__(self) -> Self:
        space: dict[str, Any] = {
            "embedding_model": SPACE.model,
            "embedding_dimension": SPACE.dimension,
        }
        opened = bootstrap(
            RetrievalSettings(**space | self.settings),
            bus=no_bus(),
            publisher=self.publisher,
            blobs=self.blobs,
            model=self.model,
            store=self.store,
            graph=self.graph,
            beside=self.beside,
        )
        self._service = await self._stack.enter_async_context(opened)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def tell(self, message: Message, context: Context = CONTEXT) -> Outcome:
        """What the message's handler makes of it."""
        assert self._service is not None
        kind = type(message)
        (handler,) = (of[kind] for of in self._service.handlers.values() if kind in of)
        return await handler(message, context)

    async def reply(self, message: Message, context: Context = CONTEXT) -> Any:
        outcome = await self.tell(message, context)
        assert isinstance(outcome, Done)
        return outcome.reply

    async def ask(self, query: str = "harbour", **fields: Any) -> SearchAnsweredV1:
        answer = await self.reply(SearchRequestedV1(query=query, **fields))
        assert isinstance(answer, SearchAnsweredV1)
        return answer

    async def look(self, entity: str, **fields: Any) -> GraphAnsweredV1:
        answer = await self.reply(GraphRequestedV1(entity=entity, **fields))
        assert isinstance(answer, GraphAnsweredV1)
        return answer

    async def put(self, document_id: str, texts: Sequence[str]) -> None:
        """A first version, shown to the whole tenant."""
        await self.store.index(version("acme", document_id), passages_of(document_id, 1, texts))
        await self.store.promote("acme", document_id, 1)

    async def used(self) -> list[ModelUsedV2]:
        """Ends the service, which first publishes the usage of its model calls; returns all."""
        await self._stack.aclose()
        return self.publisher.of(ModelUsedV2)
