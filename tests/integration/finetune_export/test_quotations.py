"""A deleted document is cut from archived turns, their prompts and their feedback."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from contracts.gateway.erasures import ErasureDoneV1, UserErasedV1
from contracts.gateway.turns import PromptPart, PromptSent, Quoted
from contracts.ingestion.document import Counts
from contracts.ingestion.events import DocumentDeletedV1
from contracts.platform.usage import ModelUsedV2
from contracts.retrieval.events import DocumentIndexedV1
from services.finetune_export.models.archived_turn import CUT
from services.finetune_export.models.tombstones import DeletedDocument
from services.finetune_export.store.archive import Archive
from services.finetune_export.store.lake import Lake
from services.finetune_export.store.objects import Objects
from shared.aws import Clients
from shared.errors import Unavailable
from tests.integration.finetune_export.conftest import (
    ANN,
    AT,
    NOTHING,
    Archived,
    a_source,
    a_turn,
    feedback,
)

KEY = "turns/acme/ann/c1/t1.json"
DELETED = DocumentDeletedV1(document_id="d1", ordinal=2)


async def test_a_deleted_document_is_cut_in_every_version_of_a_turn(archived: Archived) -> None:
    archived.version()
    await archived.hear(a_turn("t1", a_source("d1"), a_source("d2", 2)))
    await archived.hear(feedback())
    assert len(archived.keys("by-document/acme/d1/")) == 1
    await archived.hear(DELETED)
    turn = archived.json(KEY)
    assert turn["body"]["answer"] == CUT
    assert [one["document_id"] for one in turn["body"]["sources"]] == ["d2"]
    assert [one["text"] for one in turn["body"]["prompt"]["parts"]] == [CUT, "[2] Words of d2."]
    assert turn["cut"] == ["d1"]
    [key] = archived.keys("feedback/")
    assert (archived.json(key)["rating"], archived.json(key)["corrected_answer"]) == ("down", None)
    assert b"Words of d1" not in archived.bytes_of_all_versions()
    assert archived.keys("by-document/acme/d1/") == []
    await archived.hear(DELETED)
    assert archived.json(KEY) == turn


async def test_a_turn_and_feedback_that_come_late_are_cut_too(archived: Archived) -> None:
    await archived.hear(DELETED)
    turn = a_turn("t1", a_source("d1"))
    for _ in range(2):
        await archived.hear(turn)
    await archived.hear(feedback())
    assert b"Words of d1" not in archived.bytes_of_all_versions()
    assert archived.json(KEY)["cut"] == ["d1"]
    assert archived.keys("by-document/") == []


async def test_a_document_that_was_added_again_stays_quoted(archived: Archived) -> None:
    await archived.hear(DELETED)
    await archived.hear(a_turn("t1", a_source("d1", ordinal=3)))
    assert archived.json(KEY)["body"]["answer"] == "It says: Words of d1."
    await archived.hear(DELETED)
    assert archived.json(KEY)["cut"] == []
    assert len(archived.keys("by-document/acme/d1/")) == 1


async def test_another_tenants_document_of_the_same_id_stays(archived: Archived) -> None:
    await archived.hear(a_turn("t1", a_source("d1")))
    await archived.hear(DELETED, ANN.of("other"))
    assert archived.json(KEY)["cut"] == []


async def test_an_earlier_answer_in_the_prompt_is_cut_and_this_answer_stays(
    archived: Archived,
) -> None:
    part = PromptPart(
        role="assistant", text="Words of d1.", quotes=(Quoted(document_id="d1", ordinal=1),)
    )
    prompt = PromptSent(system="Answer.", parts=(part,), max_tokens=10)
    await archived.hear(a_turn("t1", a_source("d2"), prompt=prompt))
    await archived.hear(DELETED)
    body = archived.json(KEY)["body"]
    assert (body["answer"], body["prompt"]["parts"][0]["text"]) == ("It says: Words of d2.", CUT)


async def test_documents_that_are_deleted_at_once_are_all_cut(archived: Archived) -> None:
    ids = [f"d{n}" for n in range(8)]
    sources = [a_source(one, n) for n, one in enumerate(ids, start=1)]
    await archived.hear(a_turn("t1", *sources))
    deleted = [DocumentDeletedV1(document_id=one, ordinal=1) for one in ids]
    await asyncio.gather(*(archived.hear(one) for one in deleted))
    assert archived.json(KEY)["cut"] == ids
    assert archived.json(KEY)["body"]["sources"] == []


@pytest.mark.parametrize("marks_at_once", [1, 2, 1000])
async def test_marks_of_deleted_documents_are_found_however_many_there_are(
    archived: Archived, marks_at_once: int
) -> None:
    marks = {("acme", "d1", 2), ("acme", "d1", 10), ("acme", "d2", 1), ("other", "d3", 1)}
    async with AsyncExitStack() as stack:
        objects = Objects(await Clients(stack, archived.settings).open("s3"), archived.bucket)
        archive = Archive(objects, marks_at_once=marks_at_once)
        for tenant, document_id, ordinal in marks:
            deleted = DeletedDocument(tenant=tenant, document_id=document_id, ordinal=ordinal)
            await archive.bury(deleted)
        assert await archive.deleted("acme", ["d1", "d3", "d4"]) == {"d1": 10}
        assert await archive.deleted("acme", []) == {}


async def test_what_happens_to_a_document_is_archived_once(archived: Archived) -> None:
    indexed = DocumentIndexedV1(document_id="d1", ordinal=1, counts=Counts(chunks=3))
    for _ in range(2):
        await archived.hear(indexed)
    await archived.hear(DELETED)
    events = [archived.json(key) for key in archived.keys("documents/acme/d1/")]
    assert [(one["kind"], one["ordinal"]) for one in events] == [
        ("DocumentIndexed", 1),
        ("DocumentDeleted", 2),
    ]
    assert events[0]["body"]["counts"]["chunks"] == 3


async def test_an_erasure_reaches_feedback_and_indexes_in_every_version(
    archived: Archived,
) -> None:
    archived.version()
    erased = UserErasedV1(erasure_id="e1", user="ann", asked_until=AT + timedelta(hours=1))
    await archived.hear(a_turn("t1", a_source("d1")))
    await archived.hear(feedback())
    await archived.hear(feedback("never-came", given_at=AT + timedelta(hours=2)))
    await archived.hear(DELETED)
    await archived.hear(erased, ANN.model_copy(update={"principal": None}))
    # A redriven turn and late feedback stay out.
    await archived.hear(a_turn("t1", a_source("d1")))
    await archived.hear(feedback(given_at=AT + timedelta(hours=3)))
    left = archived.bytes_of_all_versions()
    assert b"ann" not in left
    assert b"Words of d1" not in left
    [done] = archived.publisher.of(ErasureDoneV1)
    assert done.removed == NOTHING | {"turns": 1, "feedback": 2}


async def test_an_erased_users_name_leaves_the_archive_of_usage(archived: Archived) -> None:
    archived.version()
    used = ModelUsedV2(
        service="gateway",
        purpose="answer",
        model="m",
        calls=1,
        input_tokens=1,
        output_tokens=1,
        cost_usd=Decimal(0),
    )
    bob = ANN.model_copy(update={"principal": "bob", "causation_id": "event-2"})
    for who in (ANN, bob):
        await archived.hear(used, who)
    await archived.hear(UserErasedV1(erasure_id="e1", user="ann", asked_until=AT))
    late = ANN.model_copy(update={"causation_id": "event-3"})
    await archived.hear(used, late)
    left = archived.bytes_of_all_versions()
    assert b'"ann"' not in left
    assert (left.count(b'"event-1"'), left.count(b'"event-3"'), left.count(b'"bob"')) == (1, 1, 1)
    [done] = archived.publisher.of(ErasureDoneV1)
    assert done.removed["usage_names"] == 1


async def test_a_cut_that_breaks_off_is_finished_by_the_next_one(
    archived: Archived, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old versions go and the lake is told, also when the turn itself was cut already."""
    archived.version()
    await archived.hear(a_turn("t1", a_source("d1")))
    deleted = DocumentDeletedV1(document_id="d1", ordinal=1)
    for owner, name in ((Objects, "_remove_versions"), (Lake, "change")):

        async def away(*_: Any, **__: Any) -> None:
            raise Unavailable("s3", "away")

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, away)
            with pytest.raises(Unavailable):
                await archived.hear(deleted)
        assert archived.keys("by-document/acme/d1/")
    marks = len(archived.keys("changed/acme/2026-01-01/"))
    await archived.hear(deleted)
    assert len(archived.keys("changed/acme/2026-01-01/")) == marks + 1
    assert b"Words of d1" not in archived.bytes_of_all_versions()
    assert archived.keys("by-document/acme/d1/") == []
