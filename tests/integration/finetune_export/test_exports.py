"""An export is accepted once, made by a message of its own, and lies in the archive's bucket."""

import json
from typing import Any

import httpx
import pytest

from contracts.envelope import Context
from contracts.finetune_export.exports import (
    ExportAnsweredV1,
    ExportRequestedV1,
    ExportsListedV1,
    GetExportV1,
    ListExportsV1,
    RunExportV1,
)
from contracts.gateway.erasures import ErasureDoneV1, TenantDeletedV1, UserErasedV1
from contracts.message import Message
from contracts.platform.replies import RequestFailedV1
from contracts.platform.usage import TenantChangedV1
from services.finetune_export.bootstrap import exporting
from services.finetune_export.models.export import ExportRequest, Filter
from services.finetune_export.services.exporting.limits import limits_of
from services.finetune_export.services.exporting.validating import check_line
from services.finetune_export.store.exports import Exports
from shared.outcomes import Done
from tests.integration.finetune_export.conftest import ANN, AT, Archived, a_source, a_turn, feedback

FORMAT, MODEL = "bedrock-conversation", "amazon.nova-micro-v1:0"
WANTED = ExportRequestedV1(format=FORMAT, base_model=MODEL, until=AT.replace(year=2027))
CONSENT = TenantChangedV1(revision=1, consent_to_training=True)


async def ask(archived: Archived, message: Message, context: Context = ANN) -> Message | None:
    outcome = await archived.service.handlers["finetune-exports"][type(message)](message, context)
    assert isinstance(outcome, Done)
    return outcome.reply


async def filled(archived: Archived) -> None:
    await archived.hear(CONSENT)
    for n in range(12):
        turn = a_turn(f"t{n:02}", a_source(f"d{n}"), question=f"How much is number {n * 7919}?")
        await archived.hear(turn.model_copy(update={"conversation_id": f"c{n}"}))


async def test_a_set_is_made_once_and_shown(archived: Archived) -> None:
    await filled(archived)
    first, second = await ask(archived, WANTED), await ask(archived, WANTED)
    assert isinstance(first, ExportAnsweredV1)
    assert first == second
    assert first.export.status == "accepted"
    export_id = first.export.export_id
    sent = [one for one in archived.publisher.sent if isinstance(one.message, RunExportV1)]
    assert {one.channel for one in sent} == {"finetune-exports"}
    assert [one.message for one in sent] == [RunExportV1(export_id=export_id)] * 2

    assert await ask(archived, RunExportV1(export_id=export_id)) is None
    shown = await ask(archived, GetExportV1(export_id=export_id))
    assert isinstance(shown, ExportAnsweredV1)
    assert shown.export.status == "done", shown.export.reason
    assert shown.export.stages[-1].left == 12
    prefix = f"exports/acme/{export_id}/"
    lines = b""
    for name in ("train.jsonl", "held_out.jsonl"):
        lines += archived.s3.get_object(Bucket=archived.bucket, Key=prefix + name)["Body"].read()
    for line in lines.decode().splitlines():
        check_line(line, FORMAT, limits_of(FORMAT, MODEL))
    assert json.loads(lines.splitlines()[0])["messages"][-1]["role"] == "assistant"
    names = {"train.jsonl", "held_out.jsonl", "manifest.json", "README.md"}
    assert shown.export.downloads.keys() == names
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(shown.export.downloads["train.jsonl"])
    assert lines.startswith(answer.content)
    assert answer.headers["Content-Disposition"].endswith(f'"{export_id}-train.jsonl"')
    before = archived.json(prefix + "manifest.json")
    await ask(archived, RunExportV1(export_id=export_id))
    assert archived.json(prefix + "manifest.json") == before
    listed = await ask(archived, ListExportsV1())
    assert isinstance(listed, ExportsListedV1)
    assert [one.export_id for one in listed.exports] == [export_id]


async def test_feedback_decides_which_answers_are_learned(archived: Archived) -> None:
    await filled(archived)
    better = "It is 39595, in writing."
    for n, corrected in ((3, None), (5, better)):
        given = feedback(f"t{n:02}", conversation_id=f"c{n}", corrected_answer=corrected)
        await archived.hear(given, ANN.model_copy(update={"causation_id": f"given-{n}"}))
    answer = await ask(archived, WANTED)
    assert isinstance(answer, ExportAnsweredV1)
    export_id = answer.export.export_id
    await ask(archived, RunExportV1(export_id=export_id))
    prefix = f"exports/acme/{export_id}/"
    manifest = archived.json(f"{prefix}manifest.json")
    (quality,) = (one for one in manifest["stages"] if one["name"] == "quality")
    assert quality["dropped"] == {"disliked": 1}
    lines = "".join(
        archived.s3.get_object(Bucket=archived.bucket, Key=prefix + one["name"])["Body"]
        .read()
        .decode()
        for one in manifest["files"]
    )
    assert lines.count(better) == 1


async def test_an_erasure_withdraws_the_sets_that_hold_the_user(archived: Archived) -> None:
    await filled(archived)
    answer = await ask(archived, WANTED)
    assert isinstance(answer, ExportAnsweredV1)
    export_id = answer.export.export_id
    await ask(archived, RunExportV1(export_id=export_id))
    prefix = f"exports/acme/{export_id}/"
    assert len(archived.keys(prefix)) == 6
    for user, left in (("bob", 6), ("ann", 1)):
        erased = UserErasedV1(erasure_id=user, user=user, asked_until=AT.replace(year=2027))
        await archived.hear(erased)
        [done] = [one for one in archived.publisher.of(ErasureDoneV1) if one.erasure_id == user]
        assert done.removed["training_sets"] == int(user == "ann")
        assert len(archived.keys(prefix)) == left
    shown = await ask(archived, GetExportV1(export_id=export_id))
    assert isinstance(shown, ExportAnsweredV1)
    assert (shown.export.status, shown.export.manifest) == ("failed", None)
    assert "withdrawn" in (shown.export.reason or "")


async def test_another_tenant_does_not_see_it(archived: Archived) -> None:
    await filled(archived)
    answer = await ask(archived, WANTED)
    assert isinstance(answer, ExportAnsweredV1)
    other = ANN.model_copy(update={"tenant": "other"})
    for export_id in (answer.export.export_id, "unknown"):
        refused = await ask(archived, GetExportV1(export_id=export_id), other)
        assert refused == RequestFailedV1(code="not_found", message="There is no such export.")
    assert await ask(archived, ListExportsV1(), other) == ExportsListedV1(exports=())


@pytest.mark.parametrize("consents", [True, False])
async def test_what_cannot_be_made_fails_with_a_reason(archived: Archived, consents: bool) -> None:
    if consents:
        await archived.hear(CONSENT)
    answer = await ask(archived, WANTED)
    assert isinstance(answer, ExportAnsweredV1)
    await ask(archived, RunExportV1(export_id=answer.export.export_id))
    shown = await ask(archived, GetExportV1(export_id=answer.export.export_id))
    assert isinstance(shown, ExportAnsweredV1)
    assert shown.export.status == "failed"
    assert ("needs 8" if consents else "consent_to_training") in (shown.export.reason or "")


async def test_a_format_that_the_model_does_not_take_is_refused_at_once(archived: Archived) -> None:
    refused = await ask(archived, WANTED.model_copy(update={"base_model": "meta.llama3-1-8b"}))
    assert isinstance(refused, RequestFailedV1)
    assert refused.code == "invalid_request"
    assert archived.keys("exports/") == []


async def test_an_erasure_withdraws_a_set_that_the_operators_command_made(
    archived: Archived,
) -> None:
    await filled(archived)
    request = ExportRequest(
        tenant="acme",
        format=FORMAT,
        base_model=MODEL,
        filter=Filter(until=AT.replace(year=2027)),
        names=False,
    )
    async with exporting(archived.settings, names=False) as made:
        await made.export(request)
    assert archived.keys(f"exports/acme/{request.id}/train.jsonl")
    await archived.hear(UserErasedV1(erasure_id="e", user="ann", asked_until=AT.replace(year=2027)))
    [done] = archived.publisher.of(ErasureDoneV1)
    assert done.removed["training_sets"] == 1
    assert archived.keys("exports/") == []


async def test_a_tenant_that_was_made_again_has_its_own_sets(archived: Archived) -> None:
    await archived.hear(TenantDeletedV1(erasure_id="e", until=AT.replace(year=2025)))
    await filled(archived)
    answer = await ask(archived, WANTED)
    assert isinstance(answer, ExportAnsweredV1)
    await ask(archived, RunExportV1(export_id=answer.export.export_id))
    shown = await ask(archived, GetExportV1(export_id=answer.export.export_id))
    assert isinstance(shown, ExportAnsweredV1)
    assert (shown.export.status, shown.export.stages[-1].left) == ("done", 12)


async def test_a_tenant_that_is_deleted_while_its_set_is_made_keeps_nothing(
    archived: Archived,
) -> None:
    await filled(archived)
    answer = await ask(archived, WANTED)
    assert isinstance(answer, ExportAnsweredV1)
    deleted = TenantDeletedV1(erasure_id="e", until=AT.replace(year=2027))
    put, fired = Exports.put_set_text, list[bool]()

    async def put_after(self: Exports, *about: Any) -> None:
        await put(self, *about)
        if not fired:
            fired.append(True)
            await archived.hear(deleted)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Exports, "put_set_text", put_after)
        await ask(archived, RunExportV1(export_id=answer.export.export_id))
    assert fired
    assert archived.keys("exports/acme/") == []
