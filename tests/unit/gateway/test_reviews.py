"""/v1/reviews: answers that were not liked, for admins, and what an admin may read of them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.finetune_export.reviews import (
    CorrectAnswerV1,
    GetReviewV1,
    ListReviewsV1,
    ReviewAnsweredV1,
    ReviewCorrection,
    ReviewShape,
    ReviewsListedV1,
    ReviewSource,
)
from contracts.ingestion.queries import DocumentStateV1, DocumentSummary, GetDocumentV1
from shared.errors import DeadlineMissed, RequestRefused
from tests.unit.gateway.fakes import Gateway

AT = datetime(2026, 1, 1, tzinfo=UTC)
CORRECTION = ReviewCorrection(answer="195 euros.", by="kim", at=AT)
URL = "/v1/reviews/t1/correction"
BODY = {"corrected_answer": "195 euros."}


def a_review(turn_id: str, *documents: str, **fields: Any) -> ReviewShape:
    known: dict[str, Any] = {
        "turn_id": turn_id,
        "state": "open",
        "asked_at": AT,
        "given_at": AT,
        "rating": "down",
        "reasons": ("wrong",),
        "comment": "No.",
        "corrected_answer": "200 euros.",
        "question": "What may it cost?",
        "answer": "180 euros [1].",
        "model": "nova",
        "sources": tuple(
            ReviewSource(n=n, document_id=one, name=f"{one}.md", cited=True)
            for n, one in enumerate(documents, 1)
        ),
        "documents": documents,
    }
    return ReviewShape(**known | fields)


def share(gateway: Gateway, *shared: str, status: str = "ready") -> None:
    """Documents that the admin may read; the others do not exist for them."""

    def show(asked: GetDocumentV1) -> DocumentStateV1 | RequestRefused:
        if asked.document_id not in shared:
            return RequestRefused("not_found", "no such document")
        known = {"name": "d.md", "ordinal": 1, "created_at": AT, "updated_at": AT}
        told = {"document_id": asked.document_id, "status": status}
        return DocumentStateV1(document=DocumentSummary.model_validate(known | told))

    gateway.requester.answers[GetDocumentV1] = show


async def call(gateway: Gateway, method: str, path: str, **options: Any) -> Any:
    scopes = options.pop("scopes", ("admin",))
    async with gateway.client(scopes=scopes) as client:
        return await client.request(method, path, **options)


async def test_a_page_of_reviews_and_the_next_one(gateway: Gateway) -> None:
    share(gateway, "d1", "d2")
    seen = a_review("t1", "d1", "d2", state="corrected", correction=CORRECTION)
    answer = ReviewsListedV1(reviews=(seen, a_review("t2")), next="20260101T000000Z-e1")
    gateway.requester.answers[ListReviewsV1] = answer
    page = (await call(gateway, "GET", "/v1/reviews?state=open&limit=2&after=2026-x")).json()
    [asked] = gateway.requester.of(ListReviewsV1)
    assert (asked.state, asked.limit, asked.after) == ("open", 2, "2026-x")
    assert page["next"] == "20260101T000000Z-e1"
    first, second = page["reviews"]
    assert first["correction"] == {
        "answer": "195 euros.",
        "by": "kim",
        "at": "2026-01-01T00:00:00Z",
    }
    assert (first["question"], first["answer"]) == ("What may it cost?", "180 euros [1].")
    assert [one["document_id"] for one in first["sources"]] == ["d1", "d2"]
    assert (first["hidden"], second["hidden"], second["sources"]) == (False, False, [])
    contexts = [(context.tenant, context.principal) for _, _, context in gateway.requester.asked]
    assert set(contexts) == {("acme", "ann")}


async def test_a_turn_with_a_document_that_the_admin_may_not_read_is_hidden(
    gateway: Gateway,
) -> None:
    share(gateway, "d1")
    reviews = (
        a_review("t1", "d1", "secret", correction=CORRECTION, state="corrected"),
        a_review("t2", "d1"),
    )
    gateway.requester.answers[ListReviewsV1] = ReviewsListedV1(reviews=reviews)
    response = await call(gateway, "GET", "/v1/reviews")
    hidden, shown = response.json()["reviews"]
    assert (hidden["hidden"], hidden["question"], hidden["answer"]) == (True, None, None)
    assert (hidden["sources"], hidden["correction"]) == ([], None)
    assert (hidden["reasons"], hidden["corrected_answer"]) == (["wrong"], "200 euros.")
    assert shown["hidden"] is False
    assert "secret" not in response.text
    # What an admin manages is more than what an admin reads.
    asked = gateway.requester.of(GetDocumentV1)
    assert sorted(one.document_id for one in asked) == ["d1", "secret"]
    assert {one.visible_to for one in asked} == {("user:ann",)}


async def test_a_correction_is_sent_only_for_what_the_admin_may_read(gateway: Gateway) -> None:
    share(gateway, "d1")
    seen = a_review("t1", "d1")
    corrected = seen.model_copy(update={"state": "corrected", "correction": CORRECTION})
    gateway.requester.answers[GetReviewV1] = ReviewAnsweredV1(review=seen)
    gateway.requester.answers[CorrectAnswerV1] = ReviewAnsweredV1(review=corrected)
    told = await call(gateway, "POST", URL, json=BODY)
    assert (told.status_code, told.json()["state"]) == (200, "corrected"), told.text
    [sent] = gateway.requester.of(CorrectAnswerV1)
    assert (sent.turn_id, sent.corrected_answer) == ("t1", "195 euros.")
    share(gateway)
    refused = await call(gateway, "POST", URL, json=BODY)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible")
    share(gateway, "d1", status="deleted")
    assert (await call(gateway, "POST", URL, json=BODY)).status_code == 409
    gateway.requester.answers[GetDocumentV1] = DeadlineMissed("ingestion-queries", 100)
    assert (await call(gateway, "POST", URL, json=BODY)).status_code == 503
    assert len(gateway.requester.of(CorrectAnswerV1)) == 1


async def test_what_is_unknown_or_wrong_is_refused(gateway: Gateway) -> None:
    gateway.requester.answers[GetReviewV1] = RequestRefused("not_found", "There is no such review.")
    assert (await call(gateway, "POST", URL, json=BODY)).status_code == 404
    for wrong in ({}, {"corrected_answer": ""}, {"corrected_answer": "x" * 20_001}):
        assert (await call(gateway, "POST", URL, json=wrong)).status_code == 422
    for query in ("state=closed", "limit=0", "limit=51", "after=a/b"):
        assert (await call(gateway, "GET", f"/v1/reviews?{query}")).status_code == 422


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/reviews"), ("POST", URL)])
async def test_who_is_no_admin_may_not(gateway: Gateway, method: str, path: str) -> None:
    response = await call(gateway, method, path, json=BODY, scopes=("chat",))
    assert response.status_code == 403
    assert gateway.requester.asked == []
