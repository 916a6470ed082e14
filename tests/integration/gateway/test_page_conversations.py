"""The list of conversations in a real browser: opened, gone on with, renamed, saved, deleted."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from contracts.memory.queries import (
    ConversationAnsweredV1,
    ConversationSummary,
    KeptSource,
    KeptTurn,
    ListConversationsV1,
)
from tests.integration.gateway.office import Office
from tests.integration.gateway.test_page import ask, visiting

pytestmark = pytest.mark.real
SMALL = {"width": 390, "height": 844}
EVIL = "<img src=x onerror=alert(1)>"


def keep(office: Office, conversation_id: str, title: str, days_ago: int = 0) -> None:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    source = KeptSource(
        n=1,
        document_id="d1",
        ordinal=1,
        passage_id="d1:1:0",
        name="policy.pdf",
        page=3,
        start=0,
        end=9,
        cited=True,
    )
    turn = KeptTurn(
        turn_id=f"{conversation_id}-1",
        question=f"{title}, how much?",
        answer="It costs 40 euros [1].",
        sources=(source,),
        completed_at=at,
    )
    line = ConversationSummary(conversation_id=conversation_id, title=title, turns=1, last_at=at)
    office.talks = (*office.talks, line)
    office.opened[conversation_id] = ConversationAnsweredV1(
        conversation_id=conversation_id, title=title, turns=(turn,)
    )


async def look(page: Page, name: str) -> None:
    """A picture for people who review the page, where RAGOPS_PICTURES names a folder."""
    if folder := os.environ.get("RAGOPS_PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


def listed(page: Page) -> Any:
    return page.locator(".conversation a")


async def test_an_old_conversation_is_opened_by_its_address_and_gone_on_with() -> None:
    async with visiting() as seen:
        page = seen.page
        keep(seen.office, "hotels", "Hotels in Denmark")
        keep(seen.office, "trains", EVIL, days_ago=1)
        await page.reload()
        await expect(page.locator(".day")).to_have_text(["Today", "Yesterday"])
        await expect(listed(page)).to_have_text(["Hotels in Denmark", EVIL])
        await page.get_by_role("link", name="Hotels in Denmark").click()
        await expect(page).to_have_url(f"{seen.url}/#/c/hotels")
        await expect(page.locator(".question")).to_have_text("Hotels in Denmark, how much?")
        await expect(page.locator(".source")).to_contain_text("policy.pdf · p. 3")
        await look(page, "conversation")
        await ask(page, "and for the second night?")
        await expect(page.locator(".facts-line")).to_have_count(1)
        assert ("acme", "ann", "hotels") in seen.office.gateway.sessions.turns
        await page.get_by_role("link", name=EVIL).click()
        await expect(page.locator(".turn")).to_have_count(1)
        await page.go_back()
        await expect(page).to_have_url(f"{seen.url}/#/c/hotels")
        await expect(page.locator(".turn")).to_have_count(2)
        await page.reload()
        await expect(page.locator(".turn")).to_have_count(2)
        assert seen.complaints == []


async def test_a_new_conversation_gets_an_address_and_a_place_in_the_list() -> None:
    async with visiting() as seen:
        page = seen.page
        await expect(page.locator("#conversations-hint")).to_contain_text("appear here")
        await ask(page, "What is the warranty of the X200?")
        link = page.get_by_role("link", name="What is the warranty of the X200?")
        await expect(link).to_have_attribute("aria-current", "page")
        assert "#/c/" in page.url
        await page.get_by_role("button", name="New conversation").click()
        await expect(page).to_have_url(f"{seen.url}/")
        await link.click()
        await expect(page.locator(".turn")).to_have_count(1)
        assert seen.complaints == []


async def test_it_is_renamed_saved_and_deleted_by_keyboard() -> None:
    async with visiting() as seen:
        page, office = seen.page, seen.office
        keep(office, "hotels", "Hotels")
        await page.reload()
        more = page.get_by_label("More for Hotels")
        await more.focus()
        await page.keyboard.press("Enter")
        await look(page, "menu")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("New title")).to_be_focused()
        await page.keyboard.type("Inns")
        await page.keyboard.press("Enter")
        await expect(listed(page)).to_have_text(["Inns"])
        await expect(listed(page)).to_be_focused()
        assert office.talks[0].title == "Inns"
        await page.get_by_label("More for Inns").click()
        async with page.expect_download() as saved:
            await page.get_by_role("button", name="Save as Markdown").click()
        file = await saved.value
        assert file.suggested_filename == "Hotels.md"
        text = await asyncio.to_thread(Path(await file.path()).read_text)
        assert "40 euros [1]" in text
        await listed(page).click()
        await expect(page.locator(".turn")).to_have_count(1)
        await page.get_by_label("More for Inns").click()
        await page.keyboard.press("Escape")
        await expect(page.get_by_label("More for Inns")).to_be_focused()
        await page.get_by_label("More for Inns").click()
        await page.get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog", name="Delete this conversation?")
        await dialog.get_by_role("button", name="Delete").click()
        await expect(listed(page)).to_have_count(0)
        await expect(page.locator(".turn")).to_have_count(0)
        await expect(page).to_have_url(f"{seen.url}/")
        assert office.talks == ()
        assert seen.complaints == []


async def test_the_search_asks_the_gateway() -> None:
    async with visiting() as seen:
        keep(seen.office, "hotels", "Hotels")
        await seen.page.reload()
        await expect(listed(seen.page)).to_have_count(1)
        requests = seen.office.gateway.requester
        await expect(listed(seen.page)).to_have_count(1)
        async with seen.page.expect_response(lambda one: "query=norway" in one.url):
            await seen.page.get_by_label("Search your conversations").fill("norway")
        assert requests.of(ListConversationsV1)[-1].query == "norway"


async def test_an_address_that_leads_nowhere_says_so() -> None:
    async with visiting() as seen:
        page = seen.page
        await expect(page.locator("#conversations-hint")).to_be_visible()
        await page.goto(f"{seen.url}/#/c/nowhere")
        await expect(page.locator("#conversations-problem")).to_contain_text("no such conversation")
        await expect(page).to_have_url(f"{seen.url}/")


async def test_on_a_small_screen_the_list_is_a_drawer() -> None:
    async with visiting(viewport=SMALL, color_scheme="dark") as seen:
        page = seen.page
        keep(seen.office, "hotels", "Hotels in Denmark")
        await page.reload()
        drawer = page.get_by_role("complementary", name="Conversations")
        await expect(drawer).to_be_hidden()
        await page.get_by_role("button", name="Conversations").click()
        await expect(drawer).to_be_visible()
        await expect(page.locator("#conversations-title")).to_be_focused()
        await look(page, "drawer")
        await page.keyboard.press("Escape")
        await expect(drawer).to_be_hidden()
        await page.get_by_role("button", name="Conversations").click()
        await page.get_by_role("link", name="Hotels in Denmark").click()
        await expect(drawer).to_be_hidden()
        await expect(page.locator(".turn")).to_have_count(1)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= SMALL["width"]
        assert seen.complaints == []
