"""The page in a real browser, before a gateway whose services are played."""

import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from playwright.async_api import Page, Route, async_playwright, expect

from contracts.ingestion.document import document_id
from contracts.retrieval.search import Hit, SearchRequestedV1
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


@dataclass
class Passages:
    """Plays GET /v1/passages/{id}: what is not `there` is 404."""

    there: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, hit: Hit, **fields: Any) -> None:
        known = hit.model_dump(include={"passage_id", "document_id", "name", "text", "title"})
        place = {"page": hit.page, "start": hit.start, "end": hit.end, "version": hit.ordinal}
        self.there[hit.passage_id] = known | place | fields

    async def __call__(self, route: Route) -> None:
        passage_id = unquote(route.request.url.rsplit("/", 1)[1])
        self.asked.append(passage_id)
        missing = {"status": 404, "code": "not_found", "detail": f"No passage {passage_id}."}
        found = self.there.get(passage_id)
        await route.fulfill(status=200 if found else 404, body=json.dumps(found or missing))


def a_stream(*events: tuple[str, Any]) -> str:
    return "".join(f"event: {event}\ndata: {json.dumps(data)}\n\n" for event, data in events)


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


async def test_a_reload_keeps_ids_and_asks_for_the_passage() -> None:
    async with visiting() as seen:
        page, passages = seen.page, Passages()
        await page.route("**/v1/passages/*", passages)
        hit = a_hit(1, TEXT, name="policy.pdf", page=3, start=120, end=178)
        passages.put(hit, title="Travel", marks=[{"name": "allowance", "start": 4, "end": 13}])
        seen.office.gateway.requester.answers[SearchRequestedV1] = an_answered_search(hit)
        seen.office.gateway.model.pieces = ("It is 40 [1].",)
        await ask(page, "How much?")
        await page.locator(".cite").click()
        await expect(page.locator("#passage-text")).to_have_text(TEXT)
        assert passages.asked == []
        stored = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert hit.passage_id in stored
        assert "allowance" not in stored
        await page.reload()
        await page.get_by_role("button", name="Source 1: policy.pdf, page 3").click()
        panel = page.get_by_role("complementary", name="policy.pdf")
        await expect(panel.locator("blockquote")).to_have_text(TEXT)
        await expect(panel.locator("mark")).to_have_text("allowance")
        await expect(panel).to_contain_text("Travel")
        await expect(panel).to_contain_text("Page 3, characters 120–178")
        await expect(page.locator("#passage-title")).to_be_focused()
        assert passages.asked == [hit.passage_id]


@pytest.mark.parametrize("old", ["after a reload", "after another question"])
async def test_a_deleted_document_does_not_open_from_an_old_answer(old: str) -> None:
    async with visiting() as seen:
        page, passages = seen.page, Passages()
        await page.route("**/v1/passages/*", passages)
        await ask(page, "How much?")
        await expect(page.locator(".facts-line")).to_have_count(1)
        if old == "after a reload":
            await page.reload()
        else:
            await ask(page, "And in May?")
            await expect(page.locator(".facts-line")).to_have_count(2)
        await page.locator(".cite").first.click()
        panel = page.locator("#passage")
        await expect(panel).to_contain_text("This passage is no longer there")
        await expect(panel.locator("blockquote")).to_be_hidden()
        assert "a day" not in await panel.inner_text()
        assert passages.asked == ["doc-1:1:0"]


async def test_a_document_deleted_here_leaves_the_answer_and_the_panel() -> None:
    async with visiting() as seen:
        page, passages = seen.page, Passages()
        await page.route("**/v1/passages/*", passages)
        seen.office.put("policy.md", "ready")
        hit = a_hit(1, name="policy.md", document_id=document_id("acme", "policy.md"))
        seen.office.gateway.requester.answers[SearchRequestedV1] = an_answered_search(hit)
        await page.reload()
        await ask(page, "How much?")
        await page.locator(".cite").click()
        await expect(page.locator("#passage-text")).to_contain_text("40 euros a day")
        await page.get_by_role("button", name="Delete policy.md").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
        await expect(page.locator("#passage")).to_be_hidden()
        await page.locator(".cite").click()
        await expect(page.locator("#passage-problem")).to_contain_text("no longer there")
        assert passages.asked == [hit.passage_id]


@pytest.mark.parametrize(
    ("meta", "usage", "quoted", "facts"),
    [
        ({"model": "local.extractive-v1"}, {"cost_usd": None}, 1, r"^\d+\.\d s · 1,200 tokens$"),
        ({"model": "local.extractive-v1"}, {}, 1, r"^\d+\.\d s · 1,200 tokens$"),
        ({"model": "big"}, {"cost_usd": 0.00000123}, 0, r" · 1,200 tokens · \$0\.0000012$"),
        ({"model": None}, {"cost_usd": 0.25}, 0, r" · 1,200 tokens · \$0\.25$"),
        ({}, {"cost_usd": 0}, 0, r" · 1,200 tokens · \$0$"),
    ],
)
async def test_quotations_are_called_so_and_a_cost_is_shown_if_there_is_one(
    meta: dict[str, Any], usage: dict[str, Any], quoted: int, facts: str
) -> None:
    async with visiting() as seen:
        page = seen.page
        source = {"n": 1, "document_id": "d", "name": "a.md", "passage_id": "p", "text": "Text."}
        place = {"page": None, "start": 0, "end": 5}
        body = a_stream(
            ("meta", {"turn_id": "t", "conversation_id": "c", "degraded": []} | meta),
            ("sources", [source | place]),
            ("token", {"text": "It costs 40 euros [1]."}),
            ("citations", [{"n": 1}]),
            ("usage", {"input_tokens": 1000, "output_tokens": 200} | usage),
            ("done", {"turn_id": "t"}),
        )
        await page.route(
            "**/v1/chat", lambda route: route.fulfill(body=body, content_type="text/event-stream")
        )
        await ask(page, "How much?")
        await expect(page.locator(".facts-line")).to_have_text(re.compile(facts))
        line = page.get_by_text(
            "Quoted from your documents. For written answers connect a language model: "
            "see README, 'A language model'."
        )
        await expect(line).to_have_count(quoted)
        await page.reload()
        await expect(page.locator(".facts-line")).to_have_count(1)
        await expect(line).to_have_count(quoted)
