"""The page's view of training sets in a real browser: ask for one, see its stages, download it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Route, expect

from contracts.finetune_export.exports import (
    ExportAnsweredV1,
    ExportRequestedV1,
    ExportShape,
    ExportsListedV1,
    ExportStage,
    GetExportV1,
    ListExportsV1,
)
from contracts.finetune_export.trainings import ListTrainingsV1, TrainingsListedV1
from shared.errors import RequestRefused
from tests.integration.gateway.office import Office
from tests.integration.gateway.test_page import visiting
from tests.integration.gateway.test_page_conversations import look
from tests.unit.gateway.fakes import a_token

pytestmark = pytest.mark.real
AT = datetime(2026, 11, 27, 9, tzinfo=UTC)
URL = "http://archive.test/exports/acme/ab12/train.jsonl?signed"
STAGES = (
    ExportStage(name="consent", came=1200, left=1100, dropped={"no_consent": 100}),
    ExportStage(name="quality", came=1100, left=912, dropped={"uncited": 188}),
    ExportStage(name="split", came=912, left=912),
)
FILE = {"name": "train.jsonl", "rows": 820, "bytes": 40_500, "tokens_estimated": 9000}
MANIFEST: dict[str, Any] = {"files": [FILE], "found": {"email": 14, "credit_card": 2}}


def export_of(wanted: ExportRequestedV1, status: str, **fields: Any) -> ExportShape:
    named = wanted.model_dump(include={"format", "base_model", "seed", "since", "until"})
    return ExportShape(export_id="ab12", status=status, accepted_at=AT, **named, **fields)


def wire(office: Office) -> list[ExportShape]:
    """Each look at the set brings it one step further; answers the steps that are left."""
    steps: list[ExportShape] = []

    def request(wanted: ExportRequestedV1) -> ExportAnsweredV1:
        told = {"stages": STAGES, "manifest": MANIFEST, "downloads": {"train.jsonl": URL}}
        steps.extend(export_of(wanted, status) for status in ("accepted", "running"))
        steps.append(export_of(wanted, "done", **told))
        return ExportAnsweredV1(export=steps[0])

    def show(_: GetExportV1) -> ExportAnsweredV1:
        return ExportAnsweredV1(export=steps.pop(0) if len(steps) > 1 else steps[0])

    def listed(_: ListExportsV1) -> ExportsListedV1:
        return ExportsListedV1(exports=tuple(steps[:1]))

    answers: dict[Any, Any] = {
        ExportRequestedV1: request,
        GetExportV1: show,
        ListExportsV1: listed,
        ListTrainingsV1: TrainingsListedV1(trainings=()),
    }
    office.gateway.requester.answers |= answers
    return steps


async def test_an_admin_makes_a_set_and_downloads_it_by_keyboard() -> None:
    async with visiting(a_token(scopes=frozenset({"chat", "documents:read", "admin"}))) as seen:
        page = seen.page
        wire(seen.office)
        await page.get_by_role("button", name="Training").press("Enter")
        dialog = page.get_by_role("dialog", name="Training sets")
        await expect(dialog.get_by_text("There are no training sets yet.")).to_be_visible()
        await dialog.get_by_label("Format").select_option("bedrock-claude-3-haiku")
        model = dialog.get_by_label("Model to be trained")
        await expect(model).to_have_value("anthropic.claude-3-haiku-20240307-v1:0")
        await dialog.get_by_label("Turns since").fill("2026-10-01")
        await model.press("Enter")
        await expect(dialog.get_by_text("The set is being made …")).to_be_visible()
        stages = dialog.get_by_role("list", name="Stages").get_by_role("listitem")
        await expect(stages).to_have_count(3)
        await expect(stages.nth(0)).to_contain_text("left out: no consent 100")
        await expect(dialog.get_by_role("row", name="credit card")).to_contain_text("2")
        await expect(dialog.get_by_role("row", name="train.jsonl")).to_contain_text("820")
        await look(page, "training-sets")
        [wanted] = seen.office.gateway.requester.of(ExportRequestedV1)
        assert (wanted.format, wanted.since) == (
            "bedrock-claude-3-haiku",
            datetime(2026, 10, 1, tzinfo=UTC),
        )

        async def archive(route: Route) -> None:
            saved = {"Content-Disposition": 'attachment; filename="ab12-train.jsonl"'}
            await route.fulfill(body="{}\n", headers=saved)

        await page.context.route("http://archive.test/**", archive)
        async with page.expect_download() as downloading:
            await dialog.get_by_role("button", name="Download train.jsonl").press("Enter")
        assert (await downloading.value).suggested_filename == "ab12-train.jsonl"
        await page.keyboard.press("Escape")
        await expect(dialog).not_to_be_visible()
        assert seen.complaints == []


async def test_a_refused_set_says_what_to_do_and_fits_a_phone() -> None:
    screen: dict[str, Any] = {"viewport": {"width": 320, "height": 700}}
    token = a_token(scopes=frozenset({"chat", "documents:read", "admin"}))
    async with visiting(token, **screen) as seen:
        page = seen.page
        wire(seen.office)
        refused = RequestRefused("invalid_request", "No model of that name takes this format.")
        seen.office.gateway.requester.answers[ExportRequestedV1] = refused
        await page.get_by_role("button", name="Training").click()
        dialog = page.get_by_role("dialog", name="Training sets")
        await dialog.get_by_label("Model to be trained").fill("gpt-none")
        await dialog.get_by_role("button", name="Make the set").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("takes this format")
        await look(page, "training-sets-phone")
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")


async def test_who_is_no_admin_has_no_such_views() -> None:
    async with visiting(a_token(scopes=frozenset({"chat", "documents:read"}))) as seen:
        await expect(seen.page.get_by_role("button", name="Usage")).to_be_visible()
        await expect(seen.page.get_by_role("button", name="Training")).not_to_be_visible()
        await expect(seen.page.get_by_role("button", name="Review")).not_to_be_visible()
        await expect(seen.page.get_by_role("button", name="Prompts")).not_to_be_visible()
