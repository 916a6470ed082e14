"""Small documents of one user share calls of the embedding model, and nothing else."""

from collections.abc import Sequence
from functools import partial

from contracts.ingestion.document_chunked import DocumentChunkedV1
from contracts.platform.model_used import ModelUsedV2
from services.ingestion.services.embedding import AT_ONCE
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
    world.model = model = PickyModel()
    model.gate.clear()
    async with world.working(in_flight=20):
        # As many as may be under way at once are held back: what follows gathers behind them.
        for n in range(AT_ONCE):
            await world.offer(f"{n}.txt", f"Held text {n}.")
            await until(partial(model.has_calls, n + 1))
        for n in range(8):
            tenant = "acme" if n % 2 else "other"
            document = await world.offer(f"{n}-.txt", f"Text {n} of {tenant}.", tenant=tenant)
            await world.ends(document, "processing", tenant=tenant)
        model.gate.set()
        await until(lambda: len(world.publisher.of(DocumentChunkedV1)) == AT_ONCE + 8, within_s=15)
    assert max(len(call) for call in model.calls) > 1
    assert not [call for call in model.calls if {"acme", "other"} <= set(_owners(call))]
    used = [(m, c) for _, m, c, _ in world.publisher.sent if isinstance(m, ModelUsedV2)]
    for tenant in ("acme", "other"):
        tokens = sum(m.input_tokens for m, c in used if c.tenant == tenant)
        assert tokens == sum(
            len(text)
            for call in model.calls
            for text in call
            if ("other" in text) == (tenant == "other")
        )


async def test_a_text_that_the_model_refuses_hurts_its_own_document_only(world: World) -> None:
    world.model = model = PickyModel()
    async with world.working(in_flight=20):
        good = [await world.offer(f"{n}.txt", f"Good text {n}.") for n in range(6)]
        await world.offer("bad.txt", BAD)
        for document in good:
            await world.ends(document, "indexing")
        await until(lambda: any(BAD in text for call in model.calls for text in call))
    names = [chunked.name for chunked in world.publisher.of(DocumentChunkedV1)]
    assert sorted(names) == [f"{n}.txt" for n in range(6)]


def _owners(call: Sequence[str]) -> list[str]:
    return ["other" if "other" in text else "acme" for text in call]
