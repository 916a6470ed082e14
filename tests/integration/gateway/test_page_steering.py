"""Documents are watched, narrowed, retried, cancelled, reindexed and deleted on the page."""

import os
from typing import Any

import pytest
from playwright.async_api import Page, expect

from contracts.ingestion.document import Failure
from tests.integration.gateway.office import Office
from tests.integration.gateway.test_page import Seen, visiting

pytestmark = pytest.mark.real
EMPTY = Failure(code="empty", message="The document holds no text. Upload one with text.")
STAGES = {"waiting": 0.1, "parsing": 0.4, "embedding": 1.1, "indexing": 0.2}
# Where somebody wants to look at what the tests see.
PICTURES = os.environ.get("RAGOPS_SCREENSHOTS")


def fill(office: Office) -> None:
    office.put("ready.pdf", "ready", stages=STAGES, cost_usd="0.00012", tags=["law"], attempts=1)
    office.put("embedding.pdf", "embedding", progress=0.4, attempts=1)
    office.put("waiting.md", "accepted", attempts=2)
    office.put("broken.docx", "rejected", error=EMPTY)
    office.put("failed.md", "failed", error=Failure(code="internal", message="Retry it."))


async def look(seen: Seen) -> None:
    """The list as it is now."""
    await seen.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=f"{PICTURES}/{name}.png")


async def test_each_state_is_shown_with_what_can_be_done() -> None:
    async with visiting() as seen:
        page = seen.page
        fill(seen.office)
        await look(seen)
        await expect(page.locator(".document")).to_have_count(5)
        ready = page.locator(".document", has_text="ready.pdf")
        await expect(ready).to_contain_text("3 pages, 12 passages, 1.8 s, $0.00012")
        await expect(ready.get_by_role("button", name="Reindex ready.pdf")).to_be_visible()
        embedding = page.locator(".document", has_text="embedding.pdf")
        bar = embedding.get_by_role("progressbar", name="Embedding embedding.pdf")
        await expect(bar).to_have_js_property("value", 40)
        await expect(page.locator(".document", has_text="waiting.md")).to_contain_text("Attempt 2")
        broken = page.locator(".document", has_text="broken.docx")
        await expect(broken).to_contain_text("Upload one with text.")
        await picture(page, "states")
        await broken.get_by_role("button", name="Retry broken.docx").focus()
        await page.keyboard.press("Enter")
        await expect(broken.locator(".state")).to_have_text("Reading")
        # The button is gone: the focus is still in its row.
        await expect(broken.locator(":focus")).to_have_count(1)
        await embedding.get_by_role("button", name="Cancel embedding.pdf").click()
        await expect(embedding.locator(".state")).to_have_text("Failed")
        await expect(embedding).to_contain_text("Retry it to go on.")
        await ready.get_by_role("button", name="Reindex ready.pdf").click()
        await expect(ready.locator(".state")).to_have_text("Reading")
        assert seen.complaints == []


async def test_a_refusal_is_shown_and_changes_nothing() -> None:
    async with visiting() as seen:
        fill(seen.office)
        seen.office.refused.add("ready.pdf")
        await look(seen)
        await seen.page.get_by_role("button", name="Reindex ready.pdf").click()
        await expect(seen.page.locator("#documents-problem")).to_contain_text("bytes are not kept")
        state = seen.page.locator(".document", has_text="ready.pdf").locator(".state")
        await expect(state).to_have_text("Ready")


async def test_several_are_chosen_and_steered_at_once() -> None:
    async with visiting() as seen:
        page = seen.page
        fill(seen.office)
        seen.office.refused.add("failed.md")
        await look(seen)
        # There is nothing to choose before.
        await expect(page.locator(".document")).to_have_count(5)
        await page.get_by_label("Choose all").check()
        await expect(page.locator("#chosen-count")).to_have_text("5 chosen")
        await expect(page.locator("#chosen-retry")).to_have_text("Retry 2")
        await expect(page.locator("#chosen-cancel")).to_have_text("Cancel 2")
        await picture(page, "chosen")
        await page.locator("#chosen-retry").click()
        await expect(page.locator("#documents-problem")).to_contain_text("retry: 1 of 2 done.")
        await expect(page.locator("#documents-problem")).to_contain_text("failed.md: Its original")
        await expect(page.locator("#announce")).to_contain_text("1 of 2")
        state = page.locator(".document", has_text="broken.docx").locator(".state")
        await expect(state).to_have_text("Reading")
        # What was refused is still chosen; another is added with the keys.
        await page.get_by_label("Choose broken.docx").focus()
        await page.keyboard.press("Space")
        await page.locator("#chosen-delete").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("5 documents")
        await dialog.get_by_role("button", name="Delete", exact=True).click()
        await expect(page.locator(".document")).to_have_count(0)
        await expect(page.locator("#chosen")).to_be_hidden()
        assert seen.office.documents == {}


async def test_the_list_is_narrowed_by_name_state_and_tag() -> None:
    async with visiting() as seen:
        page = seen.page
        fill(seen.office)
        await look(seen)
        welcome = page.locator("#welcome-text")
        await expect(welcome).to_contain_text("1 document is ready")
        await page.get_by_label("State").select_option(label="Failed")
        await expect(page.locator(".document")).to_have_count(1)
        await expect(page.locator(".document-name")).to_have_text("failed.md")
        await page.get_by_label("A part of the name").fill("nothing")
        await expect(page.locator("#documents-none")).to_have_text("No document matches.")
        # A narrowed list says nothing of all documents.
        await expect(welcome).to_contain_text("1 document is ready")
        await page.get_by_label("A part of the name").fill("READY")
        await page.get_by_label("State").select_option(label="Every state")
        await page.get_by_label("Tag", exact=True).fill("law")
        await expect(page.locator(".document-name")).to_have_text("ready.pdf")


async def test_more_documents_are_shown_on_demand() -> None:
    async with visiting() as seen:
        for n in range(150):
            seen.office.put(f"{n}.md", "ready")
        await look(seen)
        await expect(seen.page.locator(".document")).to_have_count(100)
        await expect(seen.page.locator("#document-count")).to_have_text("100+")
        await seen.page.get_by_role("button", name="Show more").click()
        await expect(seen.page.locator(".document")).to_have_count(150)
        await expect(seen.page.get_by_role("button", name="Show more")).to_be_hidden()


async def test_a_small_dark_screen_holds_the_controls() -> None:
    screen: Any = {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark"}
    async with visiting(**screen) as seen:
        page = seen.page
        fill(seen.office)
        await look(seen)
        await page.get_by_role("button", name="Documents", exact=True).click()
        await page.get_by_label("Choose all").check()
        await expect(page.locator("#chosen-retry")).to_be_visible()
        await picture(page, "small")
        wide = await page.evaluate(
            "[...document.querySelectorAll('#documents *')]"
            ".filter((e) => e.getBoundingClientRect().right > 320 && e.checkVisibility())"
            ".map((e) => e.id || e.className)"
        )
        assert wide == []
