"""The thumbs under an answer in a real browser."""

import pytest
from playwright.async_api import expect

from contracts.gateway.turns import FeedbackGivenV1
from contracts.memory.queries import TurnRequestedV1
from shared.errors import RequestRefused
from shared.testing.probe import until
from tests.integration.gateway.test_page import ask, visiting
from tests.integration.gateway.test_page_conversations import keep, look

pytestmark = pytest.mark.real


async def test_a_thumb_and_a_correction_reach_the_archives_topic() -> None:
    async with visiting() as seen:
        page, publisher = seen.page, seen.office.gateway.publisher
        await ask(page, "How much?")
        group = page.get_by_role("group", name="Feedback on this answer")
        good = group.get_by_role("button", name="Good answer")
        bad = group.get_by_role("button", name="Bad answer")
        await expect(good).to_have_attribute("aria-pressed", "false")
        await good.click()
        await expect(good).to_have_attribute("aria-pressed", "true")
        await expect(group).to_contain_text("Thank you.")
        await bad.click()
        await expect(bad).to_have_attribute("aria-pressed", "true")
        await expect(good).to_have_attribute("aria-pressed", "false")
        await expect(group.get_by_label("It is wrong")).to_be_focused()
        await look(page, "feedback")
        await page.keyboard.press("Space")
        await group.get_by_label("What would be right?").fill("45 euros.")
        await group.get_by_role("button", name="Send").click()
        await expect(bad).to_be_focused()
        await until(lambda: len(publisher.of(FeedbackGivenV1)) == 3)
        up, down, why = publisher.of(FeedbackGivenV1)
        assert (up.rating, down.rating, why.rating) == ("up", "down", "down")
        assert (why.reasons, why.corrected_answer) == (("wrong",), "45 euros.")
        assert len({one.turn_id for one in (up, down, why)}) == 1
        await page.reload()
        await expect(bad).to_have_attribute("aria-pressed", "true")
        assert seen.complaints == []


async def test_a_turn_that_is_gone_says_so() -> None:
    async with visiting() as seen:
        page = seen.page
        keep(seen.office, "hotels", "Hotels")
        gone = RequestRefused("not_found", "There is no such turn.")
        seen.office.gateway.requester.answers[TurnRequestedV1] = gone
        await page.reload()
        await page.get_by_role("link", name="Hotels").click()
        group = page.get_by_role("group", name="Feedback on this answer")
        await group.get_by_role("button", name="Good answer").click()
        await expect(group.get_by_role("alert")).to_contain_text("There is no such turn of yours")
