"""Every state that is not final has a deadline: who owns it takes the version up, or gives up."""

import pytest

from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1, DocumentFailedV1
from contracts.ingestion.life_cycle import LIFE_CYCLE
from services.ingestion.services.upkeep import Upkeep
from shared.testing.probe import until
from tests.integration.ingestion.world import World
from tests.unit.ingestion.fakes import BrokenModel

UNFINISHED = [name for name, state in LIFE_CYCLE.items() if not state.final]


async def change(world: World, assignments: str) -> None:
    async with world.database.transaction() as transaction:
        await transaction.execute(f"UPDATE versions SET {assignments}")


async def overrun(world: World, status: str) -> str:
    """A document in the state, left there by a process that died, with its deadline passed."""
    document = await world.offer("a.txt", "Some text.")
    if status == "indexing":
        async with world.working():
            await world.ends(document, "indexing")
    elif status != "accepted":
        [_dead] = await world.worklist.claim(1)
    await change(world, f"status = '{status}', due_at = now() - interval '1 hour'")
    assert (await world.see(document)).status == status
    return document


@pytest.mark.parametrize("status", UNFINISHED)
async def test_a_version_that_overran_is_taken_up(world: World, status: str) -> None:
    document = await overrun(world, status)
    told = len(world.publisher.of(DocumentChunkedV1))
    async with world.working():
        await until(lambda: len(world.publisher.of(DocumentChunkedV1)) > told)
        await world.answer_all()
        assert (await world.ends(document, "ready")).error is None


@pytest.mark.parametrize("status", UNFINISHED)
async def test_a_version_that_overran_too_often_is_given_up(world: World, status: str) -> None:
    document = await overrun(world, status)
    given_up = {
        "accepted": ("attempts = 4", "internal"),
        "parsing": ("interruptions = 4", "interrupted"),
        "embedding": ("interruptions = 4", "interrupted"),
        "indexing": ("updated_at = now() - interval '2 days'", "not_indexed"),
    }
    assert given_up.keys() == set(UNFINISHED)
    assignments, code = given_up[status]
    world.model = BrokenModel()
    await change(world, assignments)
    async with world.working():
        failed = await world.ends(document, "failed")
        await until(lambda: world.publisher.of(DocumentFailedV1))
    assert failed.error is not None
    assert failed.error.code == code
    # What a person can do.
    assert "etry" in failed.error.message


async def test_a_mass_of_deletions_holds_up_no_announcement(world: World) -> None:
    """A deleted tenant's documents took a minute, and a mail with attachments waited for them."""
    async with world.working():
        late = await world.offer("late.txt", "Some text.")
        await world.ends(late, "indexing")
    many = [await world.offer(f"{n}.txt", "Some text.") for n in range(50)]
    for document in many:
        await world.delete(document)
    await change(world, "due_at = now() - interval '1 hour' WHERE status = 'indexing'")
    world.publisher.sent.clear()
    async with world.serving() as service:
        [upkeep] = [one for one in service.runnables if isinstance(one, Upkeep)]
        await upkeep.look()
    told = [type(one.message) for one in world.publisher.sent]
    assert told.count(DocumentDeletedV1) == len(many)
    assert DocumentChunkedV1 in told[: len(many) // 2]
