"""Answers that were not liked: listed, corrected by an admin, erased with whoever spoke."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts.finetune_export.reviews import (
    CorrectAnswerV1,
    GetReviewV1,
    ListReviewsV1,
    ReviewAnsweredV1,
    ReviewShape,
    ReviewsListedV1,
)
from contracts.gateway.erasures import ErasureDoneV1, TenantDeletedV1, UserErasedV1
from contracts.ingestion.events import DocumentDeletedV1
from contracts.message import Message
from contracts.platform.replies import RequestFailedV1
from services.finetune_export.models.archived_feedback import ArchivedFeedback
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.services.exporting.selecting import judged, stands
from shared.outcomes import Done, Reject
from tests.integration.finetune_export.conftest import (
    ANN,
    AT,
    Archived,
    a_source,
    a_turn,
    feedback,
)

BOSS = ANN.model_copy(
    update={
        "principal": "boss",
        "causation_id": "event-9",
        "occurred_at": AT + timedelta(hours=2),
    }
)
NONE = RequestFailedV1(code="not_found", message="There is no such review.")


async def ask(archived: Archived, message: Message, context: Any = BOSS) -> Any:
    outcome = await archived.service.handlers["finetune-exports"][type(message)](message, context)
    assert isinstance(outcome, Done)
    return outcome.reply


async def listed(archived: Archived, context: Any = BOSS, **asked: Any) -> ReviewsListedV1:
    answer = await ask(archived, ListReviewsV1(**asked), context)
    assert isinstance(answer, ReviewsListedV1)
    return answer


async def corrected(archived: Archived, turn_id: str, answer: str, **context: Any) -> ReviewShape:
    wanted = CorrectAnswerV1(turn_id=turn_id, corrected_answer=answer)
    answered = await ask(archived, wanted, BOSS.model_copy(update=context))
    assert isinstance(answered, ReviewAnsweredV1), answered
    return answered.review


async def hear_turns(archived: Archived, ratings: Iterable[tuple[str, str]]) -> None:
    """Turns t0, t1 … that cite d1, a minute after each other; "" gives no feedback."""
    for n, (turn_id, rating) in enumerate(ratings):
        await archived.hear(a_turn(turn_id, a_source("d1")))
        if rating:
            given = {"rating": rating, "reasons": (), "given_at": AT + timedelta(minutes=n)}
            context = ANN.model_copy(update={"causation_id": f"event-{n}"})
            await archived.hear(feedback(turn_id, **given), context)


def of_turn(archived: Archived) -> tuple[ArchivedTurn, list[ArchivedFeedback]]:
    [key] = archived.keys("turns/")
    said = [ArchivedFeedback(**archived.json(one)) for one in archived.keys("feedback/")]
    return ArchivedTurn(**archived.json(key)), said


async def test_thumbs_down_are_listed_newest_first_a_page_at_a_time(archived: Archived) -> None:
    ratings = (("t0", "down"), ("t1", "up"), ("t2", ""), ("t3", "down"), ("t4", "down"))
    await hear_turns(archived, ratings)
    await archived.hear(feedback("never-came"))
    first = await listed(archived, limit=2)
    assert [one.turn_id for one in first.reviews] == ["t4", "t3"]
    second = await listed(archived, limit=2, after=first.next)
    assert [one.turn_id for one in second.reviews] == ["t0"]
    assert second.next is None
    shown = second.reviews[0]
    assert (shown.question, shown.answer) == ("How much?", "It says: Words of d1.")
    assert (shown.state, shown.comment) == ("open", "It says: Words of d1.")
    assert shown.corrected_answer == "Words of d1, rightly."
    assert [(one.document_id, one.cited) for one in shown.sources] == [("d1", True)]
    assert shown.documents == ("d1",)
    # A later thumb up ends it, and so it is with a page on its way.
    up = {"rating": "up", "reasons": (), "given_at": AT + timedelta(hours=1)}
    await archived.hear(feedback("t4", **up))
    assert [one.turn_id for one in (await listed(archived)).reviews] == ["t3", "t0"]
    assert await ask(archived, GetReviewV1(turn_id="t4")) == NONE


async def test_an_admins_correction_counts_in_training_sets_with_who_and_when(
    archived: Archived,
) -> None:
    await archived.hear(a_turn("t1", a_source("d1")))
    await archived.hear(feedback(corrected_answer=None))
    assert judged(*of_turn(archived)).reason == "disliked"
    shown = await corrected(archived, "t1", "Three euros.")
    assert shown.state == "corrected"
    assert shown.correction is not None
    assert (shown.correction.answer, shown.correction.by) == ("Three euros.", "boss")
    assert shown.correction.at == BOSS.occurred_at
    assert (shown.reasons, shown.corrected_answer) == (("wrong",), None)
    assert shown.answer == "It says: Words of d1."
    verdict = judged(*of_turn(archived))
    assert (verdict.reason, verdict.answer, verdict.corrected_by) == (None, "Three euros.", "boss")
    assert verdict.rejected == "It says: Words of d1."
    # Twice is once.
    assert await corrected(archived, "t1", "Three euros.") == shown
    assert len(archived.keys("feedback/")) == 2
    assert (await listed(archived, state="open")).reviews == ()
    assert (await listed(archived, state="corrected")).reviews == (shown,)
    audited = archived.s3.list_objects_v2(
        Bucket=archived.settings.resource(archived.settings.audit_bucket)
    )["Contents"]
    bodies = [
        archived.s3.get_object(
            Bucket=archived.settings.resource(archived.settings.audit_bucket), Key=one["Key"]
        )["Body"].read()
        for one in audited
    ]
    assert any(b"answer_corrected" in body and b"boss" not in body for body in bodies)
    # The user's newer word stands.
    later = feedback(corrected_answer="Four euros.", given_at=AT + timedelta(hours=3))
    await archived.hear(later, ANN.model_copy(update={"causation_id": "event-2"}))
    assert judged(*of_turn(archived)).answer == "Four euros."
    [again] = (await listed(archived)).reviews
    assert (again.state, again.correction) == ("open", None)


async def test_another_tenant_sees_and_corrects_nothing(archived: Archived) -> None:
    await hear_turns(archived, (("t1", "down"),))
    other = BOSS.model_copy(update={"tenant": "other"})
    assert await listed(archived, other) == ReviewsListedV1(reviews=())
    for turn_id in ("t1", "unknown"):
        for wanted in (
            GetReviewV1(turn_id=turn_id),
            CorrectAnswerV1(turn_id=turn_id, corrected_answer="Mine."),
        ):
            assert await ask(archived, wanted, other) == NONE
    assert len(archived.keys("feedback/")) == 1
    nobody = BOSS.model_copy(update={"principal": None})
    wanted = CorrectAnswerV1(turn_id="t1", corrected_answer="Mine.")
    correct = archived.service.handlers["finetune-exports"][CorrectAnswerV1]
    assert isinstance(await correct(wanted, nobody), Reject)


@pytest.mark.parametrize("archived", ["", "encrypted"], indirect=True)
async def test_a_correction_goes_with_the_admin_and_with_whoever_asked(archived: Archived) -> None:
    archived.version()
    await hear_turns(archived, (("t1", "down"),))
    await corrected(archived, "t1", "Three euros.")
    erased = UserErasedV1(erasure_id="e1", user="boss", asked_until=AT + timedelta(hours=5))
    await archived.hear(erased)
    [done] = archived.publisher.of(ErasureDoneV1)
    assert (done.removed["turns"], done.removed["feedback"]) == (0, 1)
    left = archived.bytes_of_all_versions()
    assert b"boss" not in left
    assert b"Three euros." not in left
    [shown] = (await listed(archived)).reviews
    assert (shown.state, shown.correction) == ("open", None)
    # What comes late stays out.
    await ask(archived, CorrectAnswerV1(turn_id="t1", corrected_answer="Late."))
    assert len(archived.keys("feedback/")) == 1
    kim = {"principal": "kim", "causation_id": "event-10"}
    assert (await corrected(archived, "t1", "Two euros.", **kim)).state == "corrected"
    await archived.hear(erased.model_copy(update={"erasure_id": "e2", "user": "ann"}))
    assert archived.keys("feedback/") == []
    assert (await listed(archived)).reviews == ()
    left = archived.bytes_of_all_versions()
    assert b"kim" not in left
    assert b"Two euros." not in left


async def test_a_correction_by_an_erased_admin_stands_in_no_set(archived: Archived) -> None:
    await hear_turns(archived, (("t1", "down"),))
    await corrected(archived, "t1", "Three euros.")
    _, said = of_turn(archived)
    await archived.hear(
        UserErasedV1(erasure_id="e1", user="boss", asked_until=AT + timedelta(hours=5))
    )
    tombstones = archived.keys("erased/acme/")
    assert [one.corrected_by for one in said if stands(one, tombstones)] == [None]
    assert [one.corrected_by for one in said if stands(one, ())] == [None, "boss"]


async def test_a_turn_that_quoted_a_deleted_document_is_not_corrected(archived: Archived) -> None:
    await hear_turns(archived, (("t1", "down"),))
    await corrected(archived, "t1", "Words of d1.")
    await archived.hear(DocumentDeletedV1(document_id="d1", ordinal=1))
    [shown] = (await listed(archived)).reviews
    assert "Words of d1" not in shown.model_dump_json()
    wanted = CorrectAnswerV1(turn_id="t1", corrected_answer="Words of d1, again.")
    refused = await ask(archived, wanted)
    assert (refused.code, "deleted" in refused.message) == ("not_possible", True)


async def test_a_deleted_tenant_has_no_reviews(archived: Archived) -> None:
    await hear_turns(archived, (("t1", "down"),))
    await corrected(archived, "t1", "Three euros.")
    await archived.hear(TenantDeletedV1(erasure_id="e", until=AT + timedelta(hours=9)))
    assert (await listed(archived)).reviews == ()
    assert archived.keys("feedback/") == []


async def test_a_page_looks_at_a_bounded_number_of_turns(archived: Archived) -> None:
    await hear_turns(archived, ((f"t{n}", "down" if n < 1 else "up") for n in range(6)))
    handler: Any = archived.service.handlers["finetune-exports"][ListReviewsV1]
    reviewing = replace(handler.__self__.reviewing, looked_at=3)
    first = await reviewing.newest("acme", None, None, 2)
    assert (first.reviews, first.next is None) == ([], False)
    second = await reviewing.newest("acme", None, first.next, 2)
    assert [one.turn.turn_id for one in second.reviews] == ["t0"]
    assert second.next is None
