"""Whoever comes next sees nothing of the user before: tokens, refusals, other tabs, signing out."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from contracts.retrieval.search import SearchRequestedV1
from shared.testing.probe import until
from tests.integration.gateway.test_page import Seen, ask, visiting
from tests.unit.gateway.fakes import a_hit, a_token, an_answered_search

pytestmark = pytest.mark.real
PAST = timedelta(hours=-1)
ACCEPTED = {
    "another user": a_token(user="ben"),
    "another tenant": a_token(tenant="globex"),
    "another user's token that may not list documents": a_token(
        user="ben", scopes=frozenset({"chat"})
    ),
    "the same user's token that may nothing": a_token(scopes=frozenset()),
}
REFUSED = {
    "expired": a_token(life=PAST),
    "forged in the user's name": a_token(secret="another secret of thirty-two bytes"),
    "forged in another name": a_token(secret="another secret of thirty-two bytes", user="ben"),
}


@dataclass
class Gate:
    """Holds the requests that match until it is opened, and notes them."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    held: list[Route] = field(default_factory=list)

    async def __call__(self, route: Route) -> None:
        self.held.append(route)
        await self.opened.wait()
        await route.continue_()


def tokens_of(routes: list[Route]) -> list[str]:
    return [route.request.headers["authorization"].removeprefix("Bearer ") for route in routes]


async def use(page: Page, token: str) -> None:
    await page.evaluate("token => { location.hash = `token=${token}`; }", token)


async def kept(page: Page) -> str:
    """All that the browser stores for this page."""
    stored = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert isinstance(stored, str)
    return stored


@asynccontextmanager
async def ann_at_work(**screen: Any) -> AsyncIterator[Seen]:
    """A conversation, an open passage, a list of documents and a draft, all with `Zanzibar`."""
    async with visiting(**screen) as seen:
        page, office = seen.page, seen.office
        office.put("Zanzibar.md", "ready")
        hit = a_hit(1, "Zanzibar costs 40 euros a day.", name="Zanzibar.md")
        office.gateway.requester.answers[SearchRequestedV1] = an_answered_search(hit)
        office.gateway.model.pieces = ("Zanzibar costs 40 euros [1].",)
        await page.reload()
        await expect(page.locator(".document")).to_have_count(1)
        await ask(page, "What does Zanzibar cost?")
        await expect(page.locator(".facts-line")).to_have_count(1)
        await page.locator(".cite").click()
        await expect(page.locator("#passage-text")).to_contain_text("Zanzibar")
        await page.get_by_label("Your question").fill("And Zanzibar in May?")
        yield seen


async def expect_nothing_of_ann(page: Page) -> None:
    await expect(page.locator(".turn")).to_have_count(0)
    await expect(page.locator(".document")).to_have_count(0)
    await expect(page.locator("#passage")).to_be_hidden()
    await expect(page.get_by_label("Your question")).to_have_value("")
    assert "Zanzibar" not in await page.content()


@pytest.mark.parametrize("token", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_another_token_shows_nothing_of_the_user_before(token: str) -> None:
    async with ann_at_work() as seen:
        page, gate = seen.page, Gate()
        await page.route("**/v1/documents?*", gate)
        await use(page, token)
        await until(lambda: token in tokens_of(gate.held))
        await expect_nothing_of_ann(page)
        seen.office.documents.clear()
        seen.office.put("own.md", "ready")
        gate.opened.set()
        shown = page.locator(".document, #documents-problem:not([hidden])")
        await expect(shown).to_have_count(1)
        await expect(page.locator(".turn")).to_have_count(0)
        assert "Zanzibar" not in await page.content()


@pytest.mark.parametrize("way", ["by the link", "by a reload"])
@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED.keys())
async def test_a_token_that_is_refused_shows_nothing(token: str, way: str) -> None:
    async with ann_at_work() as seen:
        page, gate = seen.page, Gate()
        await page.route("**/v1/documents?*", gate)
        if way == "by the link":
            await use(page, token)
        else:
            await page.evaluate("token => localStorage.setItem('ragops.token', token)", token)
            await page.reload()
        await until(lambda: token in tokens_of(gate.held))
        await expect_nothing_of_ann(page)
        gate.opened.set()
        await expect(page.get_by_role("dialog", name="Access token")).to_contain_text("The token")
        await expect_nothing_of_ann(page)
        await expect(page.locator(".who")).to_have_text("Sign in")
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Sign out").click()
        assert token not in await kept(page)


async def test_each_user_of_a_tab_finds_the_own_conversation_again() -> None:
    async with ann_at_work() as seen:
        page = seen.page
        await use(page, a_token(user="ben"))
        await expect(page.locator(".who")).to_have_text("ben · acme")
        await expect(page.locator(".turn")).to_have_count(0)
        await ask(page, "What is mine?")
        await expect(page.locator(".facts-line")).to_have_count(1)
        await use(page, a_token())
        await expect(page.locator(".question")).to_have_text(["What does Zanzibar cost?"])
        await expect(page.get_by_label("Your question")).to_have_value("And Zanzibar in May?")
        await use(page, a_token(user="ben"))
        await expect(page.locator(".question")).to_have_text(["What is mine?"])
        users = [user for _, user, _ in seen.office.gateway.sessions.turns]
        assert users == ["ann", "ben"]


async def test_an_answer_that_still_streams_ends_with_its_user() -> None:
    async with ann_at_work() as seen:
        page, model, go = seen.page, seen.office.gateway.model, asyncio.Event()
        model.pieces, model.hang = ("Zanzibar ", "again [1]."), go.wait
        await ask(page, "Once more?")
        await expect(page.locator(".answer").last).to_contain_text("Zanzibar")
        await use(page, a_token(user="ben"))
        await until(lambda: model.closed == 2)
        go.set()
        model.hang = None
        model.pieces = ("Ben's answer.",)
        await ask(page, "And mine?")
        await expect(page.locator(".answer")).to_have_text(["Ben's answer."])
        users = {user for _, user, _ in seen.office.gateway.sessions.turns}
        assert users == {"ann", "ben"}
        assert "Zanzibar" not in await page.locator("#chat").inner_text()
        await use(page, a_token())
        await expect(page.locator(".failure .problem")).to_contain_text("was interrupted")
        await expect(page.locator(".question").last).to_have_text("Once more?")


async def test_files_that_still_wait_are_not_added_for_the_next_user() -> None:
    async with visiting() as seen:
        page, gate, posts = seen.page, Gate(), list[str]()
        await expect(page.locator("#welcome-text")).to_contain_text("no readable documents")
        page.on("request", lambda request: posts.append(request.method))
        await page.route("**/v1/documents", gate)
        files: Any = [
            {"name": f"{n}.txt", "mimeType": "text/plain", "buffer": b"text"} for n in range(3)
        ]
        await page.set_input_files("#files", files)
        await until(lambda: len(gate.held) == 2)
        await use(page, a_token(user="ben"))
        await expect(page.locator(".who")).to_have_text("ben · acme")
        await expect(page.locator("#welcome-text")).to_contain_text("no readable documents")
        await expect(page.locator(".document")).to_have_count(0)
        assert posts.count("POST") == 2
        assert seen.office.gateway.publisher.on("ingestion-documents") == []


async def test_a_question_outlives_the_token_it_was_asked_with() -> None:
    async with ann_at_work() as seen:
        page = seen.page
        detail = "The token has expired. Mint a new one."
        body = json.dumps({"status": 401, "code": "unauthorized", "detail": detail})
        await page.route("**/v1/chat", lambda route: route.fulfill(status=401, body=body))
        await ask(page, "A long question about Zanzibar?")
        dialog = page.get_by_role("dialog", name="Access token")
        await expect(dialog).to_contain_text(detail)
        await expect_nothing_of_ann(page)
        await page.unroute("**/v1/chat")
        await dialog.get_by_label("Token").fill(a_token())
        await dialog.get_by_role("button", name="Use this token").click()
        await expect(page.locator(".question").last).to_have_text("A long question about Zanzibar?")
        await page.get_by_role("button", name="Ask again").click()
        await expect(page.locator(".facts-line")).to_have_count(2)
        await expect(page.get_by_role("button", name="Ask again")).to_have_count(0)


async def test_what_a_token_may_not_do_empties_the_page_until_it_is_cancelled() -> None:
    limited = a_token(scopes=frozenset({"chat", "search", "documents:read"}))
    async with ann_at_work() as seen:
        page = seen.page
        await use(page, limited)
        await expect(page.locator(".turn")).to_have_count(1)
        await page.get_by_role("button", name="Delete Zanzibar.md").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
        dialog = page.get_by_role("dialog", name="Access token")
        await expect(dialog).to_contain_text("lacks the scope 'documents:write'")
        await expect_nothing_of_ann(page)
        await page.keyboard.press("Escape")
        await expect(page.locator(".turn")).to_have_count(1)
        await expect(page.locator(".document")).to_have_count(1)


async def test_a_token_that_may_only_ask_can_ask() -> None:
    async with visiting(a_token(scopes=frozenset({"chat"}))) as seen:
        page = seen.page
        await expect(page.locator("#documents-problem")).to_contain_text("'documents:read'")
        await ask(page, "How much?")
        await expect(page.locator(".facts-line")).to_have_count(1)
        await page.reload()
        await expect(page.locator(".question")).to_have_text(["How much?"])
        await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_signing_out_forgets_the_user_in_every_tab() -> None:
    async with ann_at_work() as seen:
        page = seen.page
        other = await page.context.new_page()
        await other.goto(seen.url)
        await expect(other.locator(".document")).to_have_count(1)
        await ask(other, "And Zanzibar here?")
        await expect(other.locator(".facts-line")).to_have_count(1)
        await page.get_by_role("button", name="Sign out").click()
        for tab in (page, other):
            await expect(tab.locator(".who")).to_have_text("Sign in")
            await expect(tab.get_by_role("button", name="Sign out")).to_be_hidden()
            await expect(tab.locator("#welcome-text")).to_contain_text("Sign in")
            await expect_nothing_of_ann(tab)
            assert await kept(tab) == "[{},{}]"
        await expect(page.locator("#change-token")).to_be_focused()
        await ask(page, "Who am I?")
        await expect(page.get_by_role("dialog")).to_contain_text("Sign in to ask a question.")
        await page.keyboard.press("Escape")
        await expect(page.get_by_label("Your question")).to_have_value("Who am I?")
        await page.reload()
        await expect(page.get_by_role("dialog", name="Access token")).to_be_visible()
        await expect_nothing_of_ann(page)
