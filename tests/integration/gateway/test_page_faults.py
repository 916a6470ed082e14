"""What goes wrong is said in words, and no question is lost for it."""

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from contracts.gateway.http_search import QUESTION_MAX
from contracts.ingestion.document import Failure
from contracts.ingestion.queries import ListDocumentsV1
from contracts.retrieval.graph import ENTITY_MAX
from contracts.retrieval.search import SearchRequestedV1
from shared.errors import DeadlineMissed, Unavailable
from tests.integration.gateway.test_page import a_stream, ask, visiting

pytestmark = pytest.mark.real
META = ("meta", {"turn_id": "t", "conversation_id": "c", "degraded": []})


async def expect_to_ask_again(page: Page, problem: str) -> None:
    """The question stands there with its problem, outlives a reload, and is sent once more."""
    for _ in range(2):
        await expect(page.locator(".question")).to_have_text(["How much?"])
        await expect(page.locator(".turn .problem")).to_contain_text(problem)
        await page.reload()
    await page.get_by_label("Your question").fill("The next one")
    await page.get_by_role("button", name="Ask again").click()
    await expect(page.locator(".facts-line")).to_have_count(1)
    await expect(page.locator(".question")).to_have_text(["How much?"])
    await expect(page.locator(".answer")).to_contain_text("40 euros")
    await expect(page.get_by_role("button", name="Ask again")).to_have_count(0)
    await expect(page.get_by_label("Your question")).to_have_value("The next one")


async def test_what_is_missing_is_shown() -> None:
    async with visiting() as seen:
        seen.office.gateway.requester.answers[SearchRequestedV1] = Unavailable("sqs")
        await ask(seen.page, "How much?")
        notice = seen.page.locator(".notice")
        await expect(notice).to_contain_text("document search did not answer")


async def test_a_turn_that_ends_in_an_error_can_be_asked_again() -> None:
    async with visiting() as seen:
        model = seen.office.gateway.model
        said, model.pieces = model.pieces, [Unavailable("bedrock")]
        await ask(seen.page, "How much?")
        await expect(seen.page.locator(".turn .problem")).to_contain_text("does not answer now")
        model.pieces = said
        await expect_to_ask_again(seen.page, "does not answer now")


def answering(status: int, body: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return lambda route: route.fulfill(status=status, body=text)


TRY_AGAIN = "retrieval-queries does not answer now. Try again in 2 seconds."
FAILURES = {
    "the server is away": (lambda route: route.abort(), "The page cannot reach the server."),
    "a service is away": (
        answering(503, {"status": 503, "code": "unavailable", "detail": TRY_AGAIN}),
        TRY_AGAIN,
    ),
    "a proxy answers": (answering(502, "<h1>Bad gateway</h1>"), "Try again in a moment."),
    "a code alone": (answering(500, {"code": "internal"}), "Try again in a moment."),
    "the stream is cut": (answering(200, a_stream(META)), "The answer was interrupted"),
    "an error without words": (
        answering(200, a_stream(META, ("error", {"code": "internal", "message": ""}))),
        "The answer could not be completed.",
    ),
}


@pytest.mark.parametrize(("fault", "problem"), FAILURES.values(), ids=FAILURES.keys())
async def test_a_request_that_fails_can_be_sent_again(fault: Any, problem: str) -> None:
    async with visiting() as seen:
        page, routes = seen.page, list[Route]()

        async def fail(route: Route) -> None:
            routes.append(route)
            await fault(route)

        await page.route("**/v1/chat", fail)
        await ask(page, "How much?")
        await expect(page.locator(".turn .problem")).to_contain_text(problem)
        assert len(routes) == 1
        await page.unroute("**/v1/chat")
        await expect_to_ask_again(page, problem)
        assert len(seen.office.gateway.model.calls) == 1


async def test_an_answer_that_a_reload_interrupts_can_be_asked_again() -> None:
    async with visiting() as seen:
        page, model, go = seen.page, seen.office.gateway.model, asyncio.Event()
        model.hang = go.wait
        await ask(page, "How much?")
        await expect(page.locator(".answer")).to_contain_text("40 euros")
        await page.reload()
        model.hang = None
        go.set()
        await expect_to_ask_again(page, "The answer was interrupted")


async def test_a_question_that_is_too_long_is_refused_with_the_counts() -> None:
    async with visiting() as seen:
        page, field = seen.page, seen.page.get_by_label("Your question")
        problem = page.locator("#question-problem")
        # Characters as the server counts them: an emoji is one, blanks at the ends are none.
        await field.fill(f"  {'😀' * QUESTION_MAX}  ")
        await expect(problem).to_be_hidden()
        await field.fill("x" * (QUESTION_MAX + 312))
        text = "Your question has 4,312 characters. The limit is 4,000. Shorten it to send it."
        await expect(problem).to_have_text(text)
        await expect(field).to_have_attribute("aria-invalid", "true")
        await page.keyboard.press("Enter")
        await expect(field).to_be_focused()
        await expect(field).to_have_value("x" * (QUESTION_MAX + 312))
        await expect(page.locator(".turn")).to_have_count(0)
        await field.fill("x" * QUESTION_MAX)
        await expect(problem).to_be_hidden()
        await page.keyboard.press("Enter")
        await expect(page.locator(".facts-line")).to_have_count(1)
        asked = seen.office.gateway.requester.of(SearchRequestedV1)
        assert [len(request.query) for request in asked] == [QUESTION_MAX]


async def test_a_name_that_is_too_long_is_refused_with_the_counts() -> None:
    async with visiting() as seen:
        page = seen.page
        await page.get_by_role("button", name="Graph", exact=True).click()
        await page.get_by_label("A name in your documents").fill("x" * (ENTITY_MAX + 1))
        await page.keyboard.press("Enter")
        text = "Your name has 201 characters. The limit is 200. Shorten it to send it."
        await expect(page.locator("#graph-problem")).to_have_text(text)


async def test_a_list_that_does_not_come_is_explained_and_tried_again() -> None:
    async with visiting() as seen:
        page, answers = seen.page, seen.office.gateway.requester.answers
        listed = answers[ListDocumentsV1]
        answers[ListDocumentsV1] = DeadlineMissed("ingestion-queries", 2000)
        await page.reload()
        for shown in ("#documents-problem", "#welcome-text"):
            await expect(page.locator(shown)).to_contain_text("Try again in 2 seconds")
        await ask(page, "How much?")
        await expect(page.locator(".facts-line")).to_have_count(1)
        answers[ListDocumentsV1] = listed
        await expect(page.locator("#documents-problem")).to_be_hidden(timeout=20_000)


async def test_a_question_waits_in_its_field_while_the_server_is_away() -> None:
    async with visiting() as seen:
        page = seen.page
        await ask(page, "How much?")
        await expect(page.locator(".facts-line")).to_have_count(1)
        await page.route("**/v1/**", lambda route: route.abort())
        await page.reload()
        await expect(page.locator("#documents-problem")).to_contain_text("cannot reach the server")
        await ask(page, "And in May?")
        await expect(page.locator("#question-problem")).to_contain_text("Try again in a moment")
        await expect(page.get_by_label("Your question")).to_have_value("And in May?")
        await page.unroute("**/v1/**")
        await page.keyboard.press("Enter")
        await expect(page.locator(".question")).to_have_text(["How much?", "And in May?"])
        await expect(page.locator(".facts-line")).to_have_count(2)
        assert [len(turns) for turns in seen.office.gateway.sessions.turns.values()] == [2]


async def test_a_document_without_a_message_and_an_unknown_state_have_words() -> None:
    async with visiting() as seen:
        page, office = seen.page, seen.office
        office.put("bad.pdf", "failed", error=Failure(code="E42", message=""))
        office.put("new.pdf", "ready")

        async def later(route: Route) -> None:
            """As a gateway of a later version answers."""
            body = await (await route.fetch()).json()
            for document in body["documents"]:
                if document["name"] == "new.pdf":
                    document["status"] = "x_resting"
            await route.fulfill(json=body)

        await page.route("**/v1/documents?*", later)
        await page.reload()
        row = page.locator(".document", has_text="bad.pdf")
        await expect(row).to_contain_text("The system could not read this file.")
        row = page.locator(".document", has_text="new.pdf")
        await expect(row.locator(".state")).to_have_text("In progress")
        shown = await page.locator("#documents").inner_text()
        assert "E42" not in shown
        assert "x_resting" not in shown
