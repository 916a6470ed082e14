"""The view of one document in a real browser: description, versions, text, file."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import expect

from contracts.ingestion.document import document_id
from contracts.ingestion.queries import DocumentStateV1
from contracts.ingestion.versions import (
    ContentAnsweredV1,
    ContentRequestedV1,
    DescribeDocumentV1,
    ListVersionsV1,
    RestoreVersionV1,
    TextAnsweredV1,
    TextChunk,
    TextRequestedV1,
    VersionsListedV1,
    VersionSummary,
)
from contracts.retrieval.search import SearchRequestedV1
from shared.errors import RequestRefused
from tests.integration.gateway.office import Office
from tests.integration.gateway.test_page import Seen, ask, visiting
from tests.integration.ingestion.files import pdf
from tests.unit.gateway.fakes import a_hit, a_token, an_answered_search

pytestmark = pytest.mark.real
NAME = "handbook.pdf"
ID = document_id("acme", NAME)
KEY = "uploads/acme/1/handbook.pdf"
EVIL = "<img src=x onerror=alert(1)>"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class History:
    """Plays the versions of one document; the n-th version's text is `text n`."""

    office: Office
    newest: int = 2
    asked: list[Any] = field(default_factory=list)

    def wire(self) -> None:
        metadata = {"year": 2025, "draft": False, "code": "007", "text": "7"}
        self.office.put(NAME, "ready", ordinal=2, tags=("travel",), metadata=metadata, owner="ann")
        self.office.gateway.blobs.objects[KEY] = pdf()
        content = ContentAnsweredV1(name=NAME, ordinal=2, media_type="application/pdf", key=KEY)
        self.office.gateway.requester.answers |= {
            DescribeDocumentV1: self.describe,
            RestoreVersionV1: self.restore,
            ListVersionsV1: self.listed,
            TextRequestedV1: self.text,
            ContentRequestedV1: content,
        }

    def describe(self, message: DescribeDocumentV1) -> DocumentStateV1:
        self.asked.append(message)
        fields = message.model_dump(include=set(message.changed))
        return self._next(fields)

    def restore(self, message: RestoreVersionV1) -> DocumentStateV1:
        self.asked.append(message)
        return self._next({})

    def _next(self, fields: dict[str, Any]) -> DocumentStateV1:
        self.newest += 1
        now = {"status": "parsing", "ordinal": self.newest}
        changed = self.office.documents[ID].model_copy(update=fields | now)
        self.office.documents[ID] = changed
        return DocumentStateV1(document=changed)

    def listed(self, _: ListVersionsV1) -> VersionsListedV1:
        summaries = (
            VersionSummary(
                ordinal=n,
                status="ready" if n == self.newest else "superseded",
                current=n == self.newest,
                kept=n > 1,
                created_at=NOW,
                drawn_from=n - 1 if n > 2 else None,
            )
            for n in range(self.newest, 0, -1)
        )
        return VersionsListedV1(name=NAME, versions=tuple(summaries))

    def text(self, message: TextRequestedV1) -> TextAnsweredV1:
        self.asked.append(message)
        n = message.ordinal or self.newest
        chunks = tuple(
            TextChunk(
                passage_id=f"{ID}:{n}:{place}",
                text=f"text {n}, passage {place} {EVIL} " + "word " * 200,
                start=place * 2000,
                end=place * 2000 + 1500,
                page=place + 1,
                headings=("Travel", "Hotels"),
            )
            for place in range(3)
        )
        return TextAnsweredV1(name=NAME, ordinal=n, chunks=chunks)


def played(seen: Seen) -> History:
    history = History(seen.office)
    history.wire()
    return history


async def test_a_description_is_shown_and_only_what_changes_is_sent() -> None:
    async with visiting(None) as seen:
        history, page = played(seen), seen.page
        await page.goto(f"{seen.url}/#token={a_token()}")
        await page.get_by_role("button", name=NAME, exact=True).click()
        view = page.get_by_role("dialog", name=NAME)
        await expect(view.get_by_label("Tags")).to_have_value("travel")
        lines = 'year: 2025\ndraft: false\ncode: 007\ntext: "7"'
        await expect(view.get_by_label("Metadata")).to_have_value(lines)
        await expect(view).to_contain_text("Owner")
        await view.get_by_role("button", name="Save").click()
        await expect(view.get_by_role("status")).to_have_text("Nothing has changed.")
        assert [one for one in history.asked if isinstance(one, DescribeDocumentV1)] == []
        await view.get_by_label("Tags").fill("travel, 2026, travel")
        await view.get_by_label("Metadata").fill('year: 2026\nas text: "2026"\nok: true')
        await view.get_by_label("Who sees it").fill("user:me\ngroup:law")
        await view.get_by_role("button", name="Save").click()
        await expect(view.get_by_label("Versions").get_by_text("Version 3")).to_be_visible()
        await expect(view.get_by_role("status")).to_have_text("Saved.")
        [sent] = [one for one in history.asked if isinstance(one, DescribeDocumentV1)]
        assert sent.changed == ("metadata", "tags", "visibility")
        assert sent.tags == ("travel", "2026")
        assert sent.metadata == {"year": 2026, "as text": "2026", "ok": True}
        assert sent.visibility == ("user:me", "group:law")
        await view.get_by_label("Metadata").fill("no colon here")
        await view.get_by_role("button", name="Save").click()
        await expect(view.get_by_role("alert")).to_contain_text("no colon here")
        await view.get_by_label("Who sees it").fill("law")
        await view.get_by_role("button", name="Save").click()
        await expect(view.get_by_role("alert")).to_contain_text('"user:" or "group:"')
        await view.get_by_label("Who sees it").fill("")
        seen.office.gateway.requester.answers[DescribeDocumentV1] = RequestRefused(
            "not_possible", "An upload of this document is on its way."
        )
        await view.get_by_label("Metadata").fill("")
        await view.get_by_role("button", name="Save").click()
        await expect(view.get_by_role("alert")).to_contain_text("on its way")
        await page.keyboard.press("Escape")
        await expect(view).to_be_hidden()
        assert [line for line in seen.complaints if "409" not in line] == []


async def test_versions_can_be_read_and_restored() -> None:
    async with visiting(None) as seen:
        history, page = played(seen), seen.page
        await page.goto(f"{seen.url}/#token={a_token()}")
        await page.get_by_role("button", name=NAME, exact=True).click()
        view = page.get_by_role("dialog", name=NAME)
        await expect(view.get_by_role("heading", name="Text of version 2")).to_be_visible()
        await expect(view.get_by_label("Passages").get_by_role("listitem")).to_have_count(3)
        await expect(view).to_contain_text(EVIL)
        versions = view.get_by_label("Versions", exact=True)
        await expect(versions.get_by_role("listitem")).to_have_count(2)
        # The first is not kept: nothing can be done with it.
        assert await versions.get_by_role("listitem").last.get_by_role("button").count() == 0
        history.newest = 3
        await view.get_by_role("button", name="Close").click()
        await page.get_by_role("button", name=NAME, exact=True).click()
        await view.get_by_role("button", name="Restore: version 2").click()
        await expect(versions.get_by_role("listitem")).to_have_count(4)
        await expect(view.get_by_role("heading", name="Text of version 4")).to_be_visible()
        await view.get_by_role("button", name="Text: version 2").click()
        await expect(view.get_by_role("heading", name="Text of version 2")).to_be_visible()
        [sent] = [one for one in history.asked if isinstance(one, RestoreVersionV1)]
        assert sent.ordinal == 2
        async with page.expect_download() as waiting:
            await view.get_by_role("button", name="Download: version 2").click()
        assert (await waiting.value).suggested_filename == NAME
        requester = seen.office.gateway.requester
        requester.answers[TextRequestedV1] = RequestRefused("not_found", "no")
        await view.get_by_role("button", name="Text: version 3").click()
        await expect(view.get_by_role("alert")).to_have_text(
            "You may not see the text of this document."
        )
        assert [line for line in seen.complaints if "404" not in line] == []


async def test_a_citation_leads_to_its_passage_and_to_its_page_of_the_pdf() -> None:
    async with visiting(None) as seen:
        played(seen)
        page, requester = seen.page, seen.office.gateway.requester
        hit = a_hit(
            1, document_id=ID, name=NAME, passage_id=f"{ID}:2:1", page=2, start=2000, end=3500
        )
        requester.answers[SearchRequestedV1] = an_answered_search(hit)
        await page.goto(f"{seen.url}/#token={a_token()}")
        await ask(page, "What is the allowance?")
        await page.get_by_label("Sources").get_by_role("button").click()
        await page.get_by_role("button", name="Show in the document").click()
        view = page.get_by_role("dialog", name=NAME)
        cited = view.locator("[aria-current]")
        await expect(cited).to_have_count(1)
        await expect(cited).to_be_in_viewport()
        await expect(cited).to_contain_text("text 2, passage 1")
        await expect(cited).to_contain_text("Page 2 · Travel › Hotels")
        async with page.context.expect_page() as waiting:
            await view.get_by_role("button", name="Open the PDF at page 2").click()
        tab = await waiting.value
        await tab.wait_for_url("blob:**")
        assert tab.url.endswith("#page=2")
        assert "token" not in tab.url
        assert await tab.evaluate("document.contentType") == "application/pdf"
        [asked] = requester.of(ContentRequestedV1)
        assert asked.ordinal == 2
        assert seen.complaints == []
