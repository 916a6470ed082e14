"""The focus never gets lost, Escape closes what is on top, and small screens hold everything."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from contracts.retrieval.search import SearchRequestedV1
from tests.integration.gateway.test_graph_page import answering, look_for
from tests.integration.gateway.test_page import ask, visiting
from tests.unit.gateway.fakes import a_hit, a_neighbourhood, an_answered_search

pytestmark = pytest.mark.real
LONG = "a_document_with_a_name_of_many_letters_and_no_blank_in_it_at_all_2026.final.pdf"


async def delete_with_keys(page: Page, name: str) -> None:
    await page.get_by_role("button", name=f"Delete {name}").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).focus()
    await page.keyboard.press("Enter")


async def test_after_stop_the_focus_is_in_the_question() -> None:
    async with visiting() as seen:
        page, model, go = seen.page, seen.office.gateway.model, asyncio.Event()
        model.hang = go.wait
        await page.get_by_label("Your question").fill("How much?")
        await page.get_by_role("button", name="Ask", exact=True).focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(".answer")).to_contain_text("40 euros")
        await expect(page.get_by_role("button", name="Stop")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Your question")).to_be_focused()
        await expect(page.locator(".turn .problem")).to_have_text("You stopped this answer.")
        go.set()
        await page.get_by_role("button", name="Ask again").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(".facts-line")).to_have_count(1)
        await expect(page.get_by_role("button", name="Ask", exact=True)).to_be_focused()


async def test_after_delete_the_focus_is_on_the_next_document() -> None:
    async with visiting() as seen:
        page = seen.page
        for name in ("one.md", "two.md", "three.md"):
            seen.office.put(name, "ready")
        await page.reload()
        await delete_with_keys(page, "one.md")
        await expect(page.get_by_role("button", name="Delete two.md")).to_be_focused()
        await delete_with_keys(page, "three.md")
        await expect(page.locator(".document")).to_have_count(1)
        await expect(page.locator("#documents-title")).to_be_focused()
        await delete_with_keys(page, "two.md")
        await expect(page.locator(".document")).to_have_count(0)
        await expect(page.locator("#documents-title")).to_be_focused()


async def test_the_focus_stays_on_a_document_that_changes() -> None:
    async with visiting() as seen:
        page = seen.page
        for name in ("one.md", "two.md"):
            seen.office.put(name, "ready")
        await page.reload()
        await page.get_by_role("button", name="Delete two.md").focus()
        seen.office.put("new.md", "ready")
        seen.office.put("two.md", "ready", counts={"chunks": 99})
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(page.locator(".document")).to_have_count(3)
        await expect(page.locator(".document", has_text="two.md")).to_contain_text("99 passages")
        await expect(page.get_by_role("button", name="Delete two.md")).to_be_focused()


async def test_escape_closes_one_thing_at_a_time_and_returns_the_focus() -> None:
    async with visiting(viewport={"width": 700, "height": 800}) as seen:
        page = seen.page
        answering(seen, harbour=a_neighbourhood("Harbour", [("Ferry", "names")]))
        graph = page.get_by_role("button", name="Graph", exact=True)
        await look_for(page, "harbour")
        opener = page.get_by_role("button", name="Open the passage from harbour-0.md")
        await opener.click()
        drawer = page.get_by_role("button", name="Documents", exact=True)
        await drawer.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#documents-title")).to_be_focused()
        await page.get_by_role("button", name="ann · acme").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(page.locator("#passage")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#passage")).to_be_hidden()
        await expect(opener).to_be_focused()
        await expect(page.locator("#documents")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#documents")).to_be_hidden()
        await expect(drawer).to_be_focused()
        await expect(page.locator("#graph")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#graph")).to_be_hidden()
        await expect(graph).to_be_focused()


async def test_a_passage_opened_while_the_answer_grows_returns_the_focus() -> None:
    async with visiting() as seen:
        page, model, go = seen.page, seen.office.gateway.model, asyncio.Event()
        model.pieces, model.hang = ("It is 40 [1]. ", "And more."), go.wait
        await ask(page, "How much?")
        cite = page.locator(".cite")
        await cite.click()
        go.set()
        await expect(page.locator(".answer")).to_contain_text("And more.")
        await expect(page.locator("#passage-title")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(cite).to_be_focused()


# The right edges that lie outside the screen, except inside boxes that scroll by themselves.
TOO_WIDE = """width => [...document.querySelectorAll("*")]
    .filter((box) => box.checkVisibility() && !box.closest(".hidden, .skip, pre, svg"))
    .filter((box) => Math.floor(box.getBoundingClientRect().right) > width)
    .map((box) => `${box.tagName}#${box.id}.${box.className}`)"""


async def expect_no_sideways(page: Page, width: int) -> None:
    assert await page.evaluate(TOO_WIDE, width) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_the_smallest_screen_needs_no_sideways_scrolling() -> None:
    small: Any = {"width": 320, "height": 568}
    async with visiting(viewport=small, has_touch=True) as seen:
        page = seen.page
        answering(seen, harbour=a_neighbourhood("Harbour", [(LONG, "names")]))
        seen.office.put(LONG, "ready")
        hit = a_hit(1, f"{LONG} costs 40 euros a day.", name=LONG)
        seen.office.gateway.requester.answers[SearchRequestedV1] = an_answered_search(hit)
        seen.office.gateway.model.pieces = (f"- {LONG} [1]\n\n```\n{LONG * 3}\n```",)
        await page.reload()
        for name in ("Graph", "New conversation", "Documents", "ann · acme", "Sign out"):
            button = page.get_by_role("button", name=name, exact=True)
            await expect(button).to_be_in_viewport(ratio=1)
        await expect_no_sideways(page, 320)
        await ask(page, LONG)
        await expect(page.locator(".facts-line")).to_have_count(1)
        await expect_no_sideways(page, 320)
        await page.locator(".cite").click()
        await expect(page.locator("#passage-text")).to_be_in_viewport()
        await expect_no_sideways(page, 320)
        await page.locator("#close-passage").click()
        await page.get_by_role("button", name="Documents", exact=True).click()
        await page.get_by_role("button", name=f"Delete {LONG}").click()
        await expect_no_sideways(page, 320)
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")
        await look_for(page, "harbour")
        await expect(page.locator("#evidence li")).to_have_count(1)
        await expect_no_sideways(page, 320)
