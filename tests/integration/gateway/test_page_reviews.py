"""The page's reviews in a real browser: answers that were not liked, and their corrections."""

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Page, expect

from contracts.finetune_export.reviews import (
    CorrectAnswerV1,
    GetReviewV1,
    ListReviewsV1,
    ReviewAnsweredV1,
    ReviewCorrection,
    ReviewShape,
    ReviewsListedV1,
)
from contracts.ingestion.document import document_id
from shared.errors import RequestRefused
from tests.integration.gateway.office import Office
from tests.integration.gateway.test_page import TEXT, visiting
from tests.integration.gateway.test_page_conversations import look
from tests.unit.gateway.fakes import a_token
from tests.unit.gateway.test_reviews import a_review

pytestmark = pytest.mark.real
ADMIN = frozenset({"chat", "documents:read", "admin"})
AT = datetime(2026, 11, 27, 9, tzinfo=UTC)


def wire(office: Office) -> dict[str, ReviewShape]:
    """Two pages: two answers and one that the admin may not read, then one more."""
    office.put("policy.pdf", "ready")
    policy = document_id("acme", "policy.pdf")
    asked = {"question": "What may a hotel cost?", "answer": TEXT}
    reviews = {
        "t1": a_review("t1", policy, **asked),
        "t2": a_review("t2", question="Who pays?", answer="Nobody.", reasons=(), comment=None),
        "t3": a_review("t3", "secret"),
        "t4": a_review("t4", question="And before?", corrected_answer=None),
    }

    def listed(wanted: ListReviewsV1) -> ReviewsListedV1:
        chosen = [one for one in reviews.values() if wanted.state in (None, one.state)]
        older = [one for one in chosen if one.turn_id == "t4"]
        if wanted.after:
            return ReviewsListedV1(reviews=tuple(older))
        newer = tuple(one for one in chosen if one not in older)
        return ReviewsListedV1(reviews=newer, next="more" if older else None)

    def correct(wanted: CorrectAnswerV1) -> ReviewAnsweredV1:
        correction = ReviewCorrection(answer=wanted.corrected_answer, by="ann", at=AT)
        told = {"state": "corrected", "correction": correction}
        reviews[wanted.turn_id] = reviews[wanted.turn_id].model_copy(update=told)
        return ReviewAnsweredV1(review=reviews[wanted.turn_id])

    answers: dict[Any, Any] = {
        ListReviewsV1: listed,
        GetReviewV1: lambda wanted: ReviewAnsweredV1(review=reviews[wanted.turn_id]),
        CorrectAnswerV1: correct,
    }
    office.gateway.requester.answers |= answers
    return reviews


async def test_an_admin_corrects_an_answer_by_keyboard() -> None:
    async with visiting(a_token(scopes=ADMIN)) as seen:
        page, requester = seen.page, seen.office.gateway.requester
        wire(seen.office)
        await page.get_by_role("button", name="Review").press("Enter")
        dialog = page.get_by_role("dialog", name="Review")
        answers = dialog.get_by_role("list", name="Answers").locator(":scope > li")
        await expect(answers).to_have_count(3)
        first = answers.nth(0)
        await expect(first.locator("blockquote")).to_have_text(TEXT)
        await expect(first).to_contain_text("What the user says: it is wrong.")
        await expect(first).to_contain_text("[1]")
        hidden = answers.nth(2)
        await expect(hidden).to_contain_text("quotes a document that is not shared with you")
        await expect(hidden.get_by_role("textbox")).to_have_count(0)
        await look(page, "reviews")
        field = first.get_by_label("What should the answer have been?")
        await expect(field).to_have_value("200 euros.")
        await field.fill("A hotel may cost 195 euros.")
        await first.get_by_role("button", name="Save the correction").press("Enter")
        await expect(first).to_contain_text("Corrected by ann")
        await expect(page.locator("#announce")).to_have_text("The correction is saved.")
        [sent] = requester.of(CorrectAnswerV1)
        assert (sent.turn_id, sent.corrected_answer) == ("t1", "A hotel may cost 195 euros.")
        await dialog.get_by_role("button", name="Show more").press("Enter")
        await expect(answers).to_have_count(4)
        await expect(answers.nth(3).get_by_role("heading")).to_be_focused()
        await dialog.get_by_label("Show", exact=True).select_option("corrected")
        await expect(answers).to_have_count(1)
        await expect(answers).to_contain_text("A hotel may cost 195 euros.")
        await page.keyboard.press("Escape")
        await expect(dialog).not_to_be_visible()
        assert seen.complaints == []
        await refuse_on_a_phone(page, seen.office)


async def refuse_on_a_phone(page: Page, office: Office) -> None:
    """A refused correction keeps the words that were written."""
    await page.set_viewport_size({"width": 320, "height": 700})
    refused = RequestRefused("not_possible", "A document that the turn quoted was deleted.")
    office.gateway.requester.answers[CorrectAnswerV1] = refused
    await page.get_by_role("button", name="Review").click()
    dialog = page.get_by_role("dialog", name="Review")
    form = dialog.get_by_role("form", name="Correct the answer to: What may a hotel cost?")
    field = form.get_by_label("What should the answer have been?")
    await field.fill("195 euros.")
    await form.get_by_role("button", name="Save the correction").click()
    await expect(form.get_by_role("alert")).to_contain_text("quoted was deleted")
    await expect(field).to_have_value("195 euros.")
    await look(page, "reviews-phone")
    wide = "document.querySelector('#reviews').scrollWidth > "
    assert not await page.evaluate(f"{wide} document.querySelector('#reviews').clientWidth")
