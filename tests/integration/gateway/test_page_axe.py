"""axe finds nothing serious in any view of the page, light and dark, wide and narrow."""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from contracts.finetune_export.trainings import TrainingRequestedV1
from services.gateway.models.prompt import SHADOW
from tests.integration.gateway import test_page_reviews as reviews
from tests.integration.gateway.office import Office
from tests.integration.gateway.test_page import ask, visiting
from tests.integration.gateway.test_page_conversations import keep
from tests.integration.gateway.test_page_prompts import go_back
from tests.integration.gateway.test_page_trainings import DONE, LOSSES, NOVA, Plays
from tests.integration.gateway.test_training_page import wire
from tests.integration.gateway.test_usage_page import spend
from tests.unit.gateway.fakes import a_token
from tests.unit.gateway.test_shadowing import put

pytestmark = pytest.mark.real
SERIOUS = ("serious", "critical")
SCREENS: tuple[dict[str, Any], ...] = (
    {"color_scheme": "light"},
    {"color_scheme": "dark", "viewport": {"width": 390, "height": 800}},
)


async def findings(page: Page) -> list[str]:
    """Each serious finding, with the elements that it is about."""
    # What fades in has other colours while it does; what is taken away meanwhile has none.
    await page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")
    found = (await Axe().run(page)).response["violations"]
    return [
        f"{one['id']}: {[node['target'] for node in one['nodes']]}"
        for one in found
        if one["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("screen", SCREENS)
async def test_axe_finds_nothing_serious(screen: dict[str, Any]) -> None:
    async with visiting(a_token(tenant="acme"), **screen) as seen:
        page, office = seen.page, seen.office
        keep(office, "hotels", "Hotels in Denmark")
        spend(office)
        wire(office)
        office.put("policy.pdf", "ready")
        office.put("empty.txt", "rejected")
        await page.reload()
        views = {"start": await findings(page)}
        await ask(page, "What may a hotel cost?")
        await expect(page.locator(".answer").last).to_contain_text("40 euros")
        views["answer"] = await findings(page)
        for name, heading in (("Usage", "Usage"), ("Training", "Training sets")):
            await page.get_by_role("button", name=name).click()
            await expect(page.get_by_role("dialog", name=heading)).to_be_visible()
            if name == "Usage":
                await expect(page.get_by_role("row", name="claude")).to_be_visible()
            else:
                await page.get_by_role("button", name="Make the set").click()
                await expect(page.get_by_role("row", name="credit card")).to_be_visible()
            views[name] = await findings(page)
            await page.keyboard.press("Escape")
        views |= await trainings_and_reviews(page, office)
        views["prompts"] = await prompts(page, office)
        await page.get_by_role("button", name="Graph").click()
        await expect(page.get_by_role("heading", name="Graph")).to_be_visible()
        views["graph"] = await findings(page)
        assert {name: found for name, found in views.items() if found} == {}


async def trainings_and_reviews(page: Page, office: Office) -> dict[str, list[str]]:
    plays = Plays()
    plays.wire(office)
    plays.request(TrainingRequestedV1(export_id="ab12", base_model=NOVA))
    plays.change(status="trained", place=None, phases=DONE, losses=LOSSES)
    await page.get_by_role("button", name="Training").click()
    await page.get_by_role("button", name=f"{NOVA} trained").click()
    await expect(page.get_by_role("img", name="Training loss")).to_be_visible()
    views = {"trainings": await findings(page)}
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator("#confirm-dialog")).to_be_visible()
    views["confirm"] = await findings(page)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    reviews.wire(office)
    await page.get_by_role("button", name="Review").click()
    await expect(page.locator("#review-list > li")).to_have_count(3)
    first = page.get_by_role("button", name="Save the correction").first
    await first.click()
    await expect(page.locator("#review-list")).to_contain_text("Corrected by ann")
    views["reviews"] = await findings(page)
    await page.keyboard.press("Escape")
    return views


async def prompts(page: Page, office: Office) -> list[str]:
    """With a version open, and a canary that went back."""
    await go_back(office)
    await put(office.gateway, SHADOW, 50)
    await page.get_by_role("button", name="Prompts").click()
    await expect(page.get_by_role("columnheader", name="Shadow")).to_be_visible()
    await page.locator("#prompt-list summary").first.click()
    await expect(page.locator("#prompt-list pre").first).to_be_visible()
    found = await findings(page)
    await page.keyboard.press("Escape")
    return found


async def test_axe_would_find_a_text_that_nobody_can_read() -> None:
    async with visiting() as seen:
        paint = "document.querySelector('#welcome-text').style.color = '#eeeeee'"
        await seen.page.evaluate(paint)
        [found] = await findings(seen.page)
        assert found.startswith("color-contrast")
