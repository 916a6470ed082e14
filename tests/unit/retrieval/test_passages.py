"""One passage by its id: read back as it is shown, refused alike for every reason."""

from collections.abc import Awaitable, Callable

import pytest

from contracts.envelope import Context
from contracts.platform.replies import RequestFailedV1
from contracts.retrieval.passages import PassageAnsweredV1, PassageRequestedV1
from shared.errors import Unavailable
from tests.unit.retrieval.house import House
from tests.unit.retrieval.making import passages_of, version

Arrange = Callable[[House], Awaitable[object]]
ASKED = PassageRequestedV1(passage_id="d:1:1", visible_to=("user:ann",))


async def test_a_passage_is_answered_with_its_place(house: House) -> None:
    await house.put("d", ["the harbour froze", "apples ripen"])
    answer = await house.reply(ASKED)
    assert answer == PassageAnsweredV1(
        passage_id="d:1:1",
        document_id="d",
        name="d.md",
        ordinal=1,
        text="apples ripen",
        page=2,
        start=0,
        end=12,
    )


async def test_a_passage_is_answered_to_those_who_may_see_it(house: House) -> None:
    await hidden_from_ann(house)
    asked = ASKED.model_copy(update={"visible_to": ("user:bob", "group:law")})
    assert isinstance(await house.reply(asked), PassageAnsweredV1)


async def nothing(house: House) -> None:
    """The store is empty."""


async def deleted(house: House) -> None:
    await house.put("d", ["a", "b"])
    await house.store.hide("acme", "d", 1)


async def replaced(house: House) -> None:
    await house.put("d", ["a", "b"])
    await house.store.index(version("acme", "d", 2), passages_of("d", 2, ["a", "b"]))
    await house.store.promote("acme", "d", 2)


async def not_yet_shown(house: House) -> None:
    await house.store.index(version("acme", "d", 1), passages_of("d", 1, ["a", "b"]))


async def of_another_tenant(house: House) -> None:
    await house.store.index(version("rival", "d"), passages_of("d", 1, ["a", "b"]))
    await house.store.promote("rival", "d", 1)


async def hidden_from_ann(house: House) -> None:
    of = version("acme", "d", visibility=("group:law",))
    await house.store.index(of, passages_of("d", 1, ["a", "b"]))
    await house.store.promote("acme", "d", 1)


@pytest.mark.parametrize(
    "arrange", [nothing, deleted, replaced, not_yet_shown, of_another_tenant, hidden_from_ann]
)
async def test_every_refusal_is_the_same(house: House, arrange: Arrange) -> None:
    await arrange(house)
    failed = await house.reply(ASKED)
    assert failed == RequestFailedV1(code="not_found", message=failed.message)
    assert failed.message.startswith("There is no such passage that you can see.")


@pytest.mark.parametrize("passage_id", ["d", "d:1:99", "d:1:1\x00", "%", "*", "../d:1:1"])
async def test_any_id_has_an_answer(house: House, passage_id: str) -> None:
    await house.put("d", ["a", "b"])
    failed = await house.reply(PassageRequestedV1(passage_id=passage_id))
    assert isinstance(failed, RequestFailedV1)


async def test_an_outage_is_no_refusal(house: House) -> None:
    house.store.down = {"passage"}
    with pytest.raises(Unavailable):
        await house.tell(ASKED, Context(tenant="acme"))
