"""The page in a real browser, before a gateway whose services are played."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, async_playwright, expect

from contracts.retrieval.search import SearchRequestedV1
from shared.errors import Unavailable
from tests.integration.gateway.office import Office, open_office
from tests.unit.gateway.fakes import a_hit, a_token, an_answered_search

pytestmark = pytest.mark.real
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
EVIL = "<img src=x onerror=alert(1)>.md"
TEXT = "The allowance is 40 euros a day. <script>alert(1)</script>"


def browser_path() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None and os.environ.get("RAGOPS_REQUIRE_REAL") != "1":
        pytest.skip("no chromium here (RAGOPS_REQUIRE_REAL=1 makes this a failure)")
    assert path is not None, "no chromium on the PATH"
    return path


@dataclass
class Seen:
    """The page, the office behind it, and what the browser complained about."""

    page: Page
    office: Office
    url: str
    complaints: list[str] = field(default_factory=list)


@asynccontextmanager
async def visiting(token: str | None = "", **screen: Any) -> AsyncIterator[Seen]:
    path = browser_path()
    async with open_office() as (office, url), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        page = await (await browser.new_context(**screen)).new_page()
        seen = Seen(page, office, url)
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
        page.on("console", lambda line: seen.complaints.append(line.text))
        await page.goto(url if token is None else f"{url}/#token={token or a_token()}")
        yield seen
        await browser.close()


async def ask(page: Page, question: str) -> None:
    await page.get_by_label("Your question").fill(question)
    await page.keyboard.press("Enter")


async def test_from_a_file_to_a_citation_that_opens_its_passage() -> None:
    async with visiting() as seen:
        page = seen.page
        await expect(page).to_have_url(f"{seen.url}/")
        await expect(page.locator("#welcome-text")).to_contain_text("Add one to start")
        files: Any = [
            {"name": "policy.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"},
            {"name": "empty.txt", "mimeType": "text/plain", "buffer": b""},
        ]
        await page.set_input_files("#files", files)
        policy = page.locator(".document", has_text="policy.pdf")
        await expect(policy.locator(".state")).to_have_text("Ready", timeout=15_000)
        empty = page.locator(".document", has_text="empty.txt")
        await expect(empty).to_contain_text("The file holds no text")
        hit = a_hit(1, TEXT, name="policy.pdf", page=3, start=120, end=178)
        seen.office.gateway.requester.answers[SearchRequestedV1] = an_answered_search(hit)
        await ask(page, "How much?")
        answer = page.locator(".answer")
        await expect(answer).to_contain_text("The allowance is 40 euros")
        await answer.get_by_role("button", name="Source 1: policy.pdf, page 3").click()
        panel = page.get_by_role("complementary", name="policy.pdf")
        await expect(panel).to_contain_text("Page 3, characters 120–178")
        await expect(panel.locator("blockquote")).to_have_text(TEXT)
        await expect(page.locator("#passage-title")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(panel).to_be_hidden()
        await expect(answer.get_by_role("button")).to_be_focused()
        assert seen.complaints == []


async def test_a_reload_keeps_the_conversation_and_a_new_one_forgets_it() -> None:
    async with visiting() as seen:
        page, sessions = seen.page, seen.office.gateway.sessions.turns
        await ask(page, "What is the warranty of the X200?")
        await expect(page.locator(".facts-line")).to_have_count(1)
        await page.reload()
        await expect(page.locator(".turn")).to_have_count(1)
        await ask(page, "and for the second one?")
        await expect(page.locator(".facts-line")).to_have_count(2)
        assert [len(turns) for turns in sessions.values()] == [2]
        await page.get_by_role("button", name="New conversation").click()
        await expect(page.locator(".turn")).to_have_count(0)
        await ask(page, "and then?")
        await expect(page.locator(".facts-line")).to_have_count(1)
        assert [len(turns) for turns in sessions.values()] == [2, 1]


async def test_texts_never_become_markup() -> None:
    async with visiting() as seen:
        page = seen.page
        seen.office.put(EVIL, "ready")
        seen.office.gateway.requester.answers[SearchRequestedV1] = an_answered_search(
            a_hit(1, TEXT, name=EVIL)
        )
        seen.office.gateway.model.pieces = ("<b>bold</b> <img src=x> [1]",)
        await page.reload()
        await expect(page.locator(".document-name")).to_have_text(EVIL)
        await ask(page, "<i>How</i> much?")
        await expect(page.locator(".answer p")).to_contain_text("<b>bold</b> <img src=x>")
        await expect(page.locator(".question")).to_have_text("<i>How</i> much?")
        await page.locator(".cite").click()
        await expect(page.locator("#passage-title")).to_have_text(EVIL)
        assert seen.complaints == []


async def test_a_document_is_deleted_after_a_question() -> None:
    async with visiting() as seen:
        page = seen.page
        seen.office.put("old.md", "ready")
        await page.reload()
        await page.get_by_role("button", name="Delete old.md").click()
        await page.get_by_role("button", name="Keep it").click()
        await expect(page.locator(".document")).to_have_count(1)
        await page.get_by_role("button", name="Delete old.md").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
        await expect(page.locator(".document")).to_have_count(0)
        assert seen.office.documents == {}


async def test_what_is_missing_and_what_failed_is_shown() -> None:
    async with visiting() as seen:
        gateway = seen.office.gateway
        gateway.requester.answers[SearchRequestedV1] = Unavailable("sqs")
        await ask(seen.page, "How much?")
        notice = seen.page.locator(".notice")
        await expect(notice).to_contain_text("document search did not answer")
        gateway.publisher.down = {"turns"}
        await ask(seen.page, "Once more?")
        await expect(seen.page.locator(".turn .problem")).to_contain_text("not available now")


@pytest.mark.parametrize("token", [None, "not.good.enough"])
async def test_without_a_good_token_the_page_asks_for_one(token: str | None) -> None:
    async with visiting(token) as seen:
        dialog = seen.page.get_by_role("dialog", name="Access token")
        await expect(dialog).to_be_visible()
        await dialog.get_by_label("Token").fill("nonsense")
        await dialog.get_by_role("button", name="Use this token").click()
        await expect(dialog).to_contain_text("This is not a token")
        await dialog.get_by_label("Token").fill(f"{seen.url}/#token={a_token()}")
        await dialog.get_by_role("button", name="Use this token").click()
        await expect(dialog).to_be_hidden()
        await expect(seen.page.locator(".who")).to_have_text("ann · acme")


async def test_a_small_dark_screen_holds_everything() -> None:
    small: Any = {"width": 360, "height": 640}
    async with visiting(viewport=small, color_scheme="dark") as seen:
        page = seen.page
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= small["width"]
        await expect(page.locator("#drop")).to_be_hidden()
        await page.get_by_role("button", name="Documents").click()
        await expect(page.locator("#drop")).to_be_visible()
        await page.locator("#hide-documents").click()
        await ask(page, "How much?")
        await page.locator(".cite").click()
        await expect(page.locator("#passage-text")).to_be_in_viewport()


async def test_the_docs_show_the_calls_and_ask_no_other_host() -> None:
    async with visiting() as seen:
        page = seen.page
        hosts: set[str] = set()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        await page.goto(f"{seen.url}/docs")
        await expect(page.locator("#operations-chat-ask_question")).to_be_visible()
        await page.locator("#operations-chat-ask_question").click()
        await expect(page.locator(".opblock-body .example").first).to_contain_text("Denmark")
        await page.get_by_role("button", name="Try it out").click()
        await page.get_by_role("button", name="Execute").click()
        await expect(page.locator(".live-responses-table").first).to_contain_text("unauthorized")
        assert hosts == {urlsplit(seen.url).netloc}
        # The call went out without a token.
        assert [line for line in seen.complaints if "401" not in line] == []
