"""Small documents of one user share calls of the embedding model, and nothing else."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from contracts.ingestion.events import DocumentChunkedV1
from contracts.platform.usage import ModelUsedV2
from services.ingestion.services.working.embedding import AT_ONCE
from shared.ports import Embedded, EmbedRole
from shared.testing.probe import until
from tests.integration.ingestion.world import World
from tests.unit.ingestion.fakes import HashModel

BAD = "This text is more than the model takes."


class PickyModel(HashModel):
    """Refuses every call in which the bad text is."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[str]] = []

    def has_calls(self, count: int) -> bool:
        return len(self.calls) == count

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        self.calls.append(list(texts))
        if any(BAD in text for text in texts):
            raise ValueError("too long")
        return await super().embed(model, texts, role)


async def test_documents_of_a_user_share_a_call_and_those_of_others_do_not(world: World) -> None:
    async with _held(world) as model:
        for n in range(8):
            tenant = "acme" if n % 2 else "other"
            document = await world.offer(f"{n}-.txt", f"Text {n} of {tenant}.", tenant=tenant)
            await world.ends(document, "parsing", tenant=tenant)
        model.gate.set()
        await until(lambda: len(world.publisher.of(DocumentChunkedV1)) == AT_ONCE + 8, within_s=15)
    assert max(len(call) for call in model.calls) > 1
    assert not [call for call in model.calls if {"acme", "other"} <= set(_owners(call))]
    used = [
        (sent.message, sent.context)
        for sent in world.publisher.sent
        if isinstance(sent.message, ModelUsedV2)
    ]
    for tenant in ("acme", "other"):
        tokens = sum(m.input_tokens for m, c in used if c.tenant == tenant)
        assert tokens == sum(
            len(text)
            for call in model.calls
            for text in call
            if ("other" in text) == (tenant == "other")
        )


async def test_a_text_that_the_model_refuses_hurts_its_own_document_only(world: World) -> None:
    async with _held(world) as model:
        for name, text in [("a.txt", "Good."), ("bad.txt", BAD), ("b.txt", "As good.")]:
            await world.ends(await world.offer(name, text), "parsing")
        model.gate.set()
        await until(lambda: len(world.publisher.of(DocumentChunkedV1)) == AT_ONCE + 2, within_s=15)
    # The fault has fired: what was refused was a call that others shared.
    assert [call for call in model.calls if len(call) > 1 and any(BAD in text for text in call)]
    # The others have not even noticed.
    sql = "SELECT attempts, d.name FROM versions JOIN documents d USING (document_id)"
    async with world.database.transaction() as transaction:
        attempts = {row.name: row.attempts for row in await transaction.execute(sql)}
    assert (attempts["a.txt"], attempts["b.txt"]) == (0, 0)
    assert "bad.txt" not in {m.name for m in world.publisher.of(DocumentChunkedV1)}


@asynccontextmanager
async def _held(world: World) -> AsyncIterator[PickyModel]:
    """As many calls as may be under way are held back: what follows gathers behind them."""
    world.model = model = PickyModel()
    model.gate.clear()
    async with world.working(documents_in_flight=20):
        for n in range(AT_ONCE):
            await world.offer(f"{n}.txt", f"Held text {n}.")
            await until(partial(model.has_calls, n + 1))
        yield model


def _owners(call: Sequence[str]) -> list[str]:
    return ["other" if "other" in text else "acme" for text in call]
