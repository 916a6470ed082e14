"""The knowledge graph on the page: ways in, ways round, evidence, and small screens."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from contracts.retrieval.graph import GraphAnsweredV1, GraphRequestedV1
from contracts.retrieval.search import Explanation, LegScore, SearchRequestedV1
from shared.errors import RequestRefused
from tests.integration.gateway.test_page import Seen, ask, visiting
from tests.unit.gateway.fakes import a_hit, a_neighbourhood, an_answered_search

pytestmark = pytest.mark.real
RELATIONS = ("names", "named by", "names each other", "same as")
MANY = [(f"Neighbour of some length {n}", RELATIONS[n % 4]) for n in range(24)]
EVIL = "<img src=x onerror=alert(1)>"


def answering(seen: Seen, **by_name: Any) -> None:
    """Every name is known; one that `by_name` does not give stands alone with the harbour."""

    def answer(request: GraphRequestedV1) -> GraphAnsweredV1 | RequestRefused:
        alone = a_neighbourhood(request.entity.title(), [("Harbour", "named by")])
        found: GraphAnsweredV1 | RequestRefused = by_name.get(request.entity, alone)
        return found

    answers: dict[Any, Any] = {GraphRequestedV1: answer}
    seen.office.gateway.requester.answers |= answers


async def look_for(page: Page, name: str) -> None:
    await page.get_by_role("button", name="Graph", exact=True).click()
    await page.get_by_label("A name in your documents").fill(name)
    await page.keyboard.press("Enter")


async def test_from_a_source_over_the_graph_to_another_passage() -> None:
    async with visiting() as seen:
        page = seen.page
        step = {"entity": "harbour", "named_by": 2}
        explain = Explanation(graph=LegScore(raw=0.5, rank=1, path=(step,)))
        hit = a_hit(1, name="policy.pdf", explain=explain)
        seen.office.gateway.requester.answers[SearchRequestedV1] = an_answered_search(hit)
        around = [("Ferry", "names"), ("Report", "named by"), ("Port", "same as")]
        answering(seen, harbour=a_neighbourhood("Harbour", around))
        await ask(page, "How much?")
        await page.locator(".cite").click()
        await page.locator("#passage-why").get_by_role("button", name="harbour").click()

        graph = page.get_by_role("region", name="Harbour", exact=True)
        await expect(graph.locator("h2")).to_be_focused()
        await expect(page.locator("#chat")).to_be_hidden()
        drawing = graph.get_by_role("img", name="Harbour and 3 related names")
        await expect(drawing.locator(".name")).to_have_count(3)
        await expect(graph.locator("#evidence li")).to_have_count(3)

        await drawing.locator(".tie[data-name=ferry] .head").click()
        await expect(graph.locator("#evidence-title")).to_have_text("Harbour and Ferry: 1 passage")
        await expect(graph.locator("#evidence mark")).to_have_text(["Harbour", "Ferry"])
        await graph.get_by_role("button", name="Open the passage from harbour-0.md · p. 1").click()
        panel = page.get_by_role("complementary", name="harbour-0.md")
        await expect(panel.locator("blockquote")).to_have_text("Harbour and Ferry stand here.")
        await expect(panel.locator("mark")).to_have_text(["Harbour", "Ferry"])
        await page.keyboard.press("Escape")
        await expect(panel).to_be_hidden()

        await drawing.locator(".name[data-name=report] text").click()
        await expect(page.get_by_role("region", name="Report", exact=True)).to_contain_text(
            "They name Report"
        )
        await page.get_by_role("button", name="Back").click()
        await expect(graph.locator("#graph-list li")).to_have_count(3)
        await page.keyboard.press("Escape")
        await expect(page.locator("#chat")).to_be_visible()
        await expect(page.locator(".cite")).to_be_focused()
        assert seen.complaints == []


async def test_the_keyboard_alone_goes_round_the_graph() -> None:
    async with visiting() as seen:
        page = seen.page
        answering(seen, harbour=a_neighbourhood("Harbour", [("Ferry", "names each other")]))
        await page.get_by_role("button", name="Graph", exact=True).focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("A name in your documents")).to_be_focused()
        await page.keyboard.type(" harbour ")
        await page.keyboard.press("Enter")
        title = page.locator("#graph-title")
        await expect(title).to_have_text("Harbour")
        await expect(title).to_be_focused()
        ties = page.get_by_role("button", name="2 passages with Harbour and Ferry")
        await ties.focus()
        await expect(page.locator(".name[data-name=ferry]")).to_have_class("name pointed")
        await page.keyboard.press("Space")
        await expect(ties).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("#evidence-title")).to_be_focused()
        await page.get_by_role("button", name="Ferry", exact=True).focus()
        await page.keyboard.press("Enter")
        await expect(title).to_have_text("Ferry")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("button", name="Graph", exact=True)).to_be_focused()


async def test_what_is_not_known_is_said_and_what_was_shown_stays() -> None:
    async with visiting() as seen:
        page = seen.page
        close = RequestRefused("not_found", "No document names 'habour'. Close to it: 'harbour'.")
        answering(seen, habour=close, broken=RequestRefused("unavailable", "neo4j"))
        await look_for(page, "habour")
        problem = page.locator("#graph-problem")
        await expect(problem).to_have_text("No document names 'habour'. Close to it: 'harbour'.")
        await page.get_by_label("A name in your documents").fill("ferry")
        await page.get_by_role("button", name="Show", exact=True).click()
        await expect(page.locator("#graph-title")).to_have_text("Ferry")
        await expect(problem).to_be_hidden()
        await page.get_by_label("A name in your documents").fill("broken")
        await page.keyboard.press("Enter")
        await expect(problem).to_contain_text("The knowledge graph is not available now.")
        await expect(page.locator("#graph-title")).to_have_text("Ferry")
        await page.get_by_role("button", name="New conversation").click()
        await expect(page.get_by_label("Your question")).to_be_focused()


async def test_names_and_passages_never_become_markup() -> None:
    async with visiting() as seen:
        answering(seen, x=a_neighbourhood(EVIL, [("<b>bold</b>", "names")]))
        await look_for(seen.page, "x")
        await expect(seen.page.locator("#graph-title")).to_have_text(EVIL)
        await expect(seen.page.locator(".go")).to_have_text("<b>bold</b>")
        await expect(seen.page.locator("#evidence p")).to_contain_text("<b>bold</b> stand here")
        await expect(seen.page.locator(".name title")).to_have_text("<b>bold</b>")
        assert seen.complaints == []


@pytest.mark.parametrize("width", [400, 1280])
async def test_many_names_lie_apart_and_inside_the_screen(width: int) -> None:
    screen: Any = {"width": width, "height": 800}
    async with visiting(viewport=screen, color_scheme="dark") as seen:
        page = seen.page
        answering(seen, harbour=a_neighbourhood("Harbour", MANY))
        await look_for(page, "harbour")
        await expect(page.locator(".name text")).to_have_count(24)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = [
            box
            for label in await page.locator(".name text").all()
            if (box := await label.bounding_box())
        ]
        drawing = await page.locator("#graph-drawing").bounding_box()
        assert drawing is not None
        assert len(boxes) == 24
        for n, one in enumerate(boxes):
            assert one["x"] >= drawing["x"]
            assert one["x"] + one["width"] <= drawing["x"] + drawing["width"]
            for other in boxes[:n]:
                beside = (
                    one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
                )
                assert beside or abs(one["y"] - other["y"]) >= one["height"]
        await page.get_by_role("button", name="Show 18 more").click()
        await expect(page.locator("#evidence li")).to_have_count(24)
