"""The page's trainings in a real browser: start one, follow it, deploy its model, take it back."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from contracts.finetune_export.exports import (
    ExportAnsweredV1,
    ExportRequestedV1,
    ExportShape,
    ExportsListedV1,
    GetExportV1,
    ListExportsV1,
)
from contracts.finetune_export.trainings import (
    ApproveTrainingV1,
    EstimateTrainingV1,
    GetTrainingV1,
    ListTrainingsV1,
    RollBackTrainingV1,
    StopTrainingV1,
    TrainingAnsweredV1,
    TrainingEstimate,
    TrainingLoss,
    TrainingRequestedV1,
    TrainingShape,
    TrainingsListedV1,
)
from shared.errors import RequestRefused
from tests.integration.gateway.office import Office
from tests.integration.gateway.test_page import visiting
from tests.integration.gateway.test_page_conversations import look
from tests.integration.gateway.test_training_page import AT, MANIFEST, export_of
from tests.unit.gateway.fakes import a_token

pytestmark = pytest.mark.real
NOVA = "amazon.nova-micro-v1:0"
ADMIN = frozenset({"chat", "documents:read", "admin"})
UNTIL = datetime(2026, 11, 27, tzinfo=UTC)
WANTED = ExportRequestedV1(format="bedrock-conversation", base_model=NOVA, until=UNTIL)
SET: ExportShape = export_of(WANTED, "done", manifest=MANIFEST)
LOSSES = tuple(
    TrainingLoss(
        step=n,
        training=round(0.5 + 1.7 * 0.93**n, 3),
        validation=round(0.6 + 1.4 * 0.93**n, 3) if n % 20 == 19 else None,
    )
    for n in range(60)
)
RUNNING = {"validation": "Completed", "dataProcessing": "Completed", "training": "InProgress"}
DONE = dict.fromkeys(RUNNING, "Completed")


@dataclass
class Plays:
    """finetune_export, with one training, which each look brings one step further."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    shown: TrainingShape | None = None

    def wire(self, office: Office) -> None:
        answers: dict[Any, Any] = {
            ListExportsV1: ExportsListedV1(exports=(SET.model_copy(update={"manifest": None}),)),
            GetExportV1: ExportAnsweredV1(export=SET),
            ListTrainingsV1: self.listed,
            EstimateTrainingV1: self.request,
            TrainingRequestedV1: self.request,
            GetTrainingV1: self.get,
            StopTrainingV1: lambda _: self.change(status="stopping"),
            ApproveTrainingV1: lambda _: self.change(
                status="deployed", approved_by="ann", approved_at=AT, model=f"{NOVA}@arn:1"
            ),
            RollBackTrainingV1: lambda _: self.change(status="retired", model=None),
        }
        office.gateway.requester.answers |= answers

    def request(self, wanted: EstimateTrainingV1 | TrainingRequestedV1) -> TrainingAnsweredV1:
        self.shown = TrainingShape(
            training_id="cd34",
            export_id=wanted.export_id,
            base_model=wanted.base_model,
            parameters=wanted.parameters,
            status="waiting",
            place=1,
            estimate=TrainingEstimate(tokens=27_000, epochs=3, cost_usd=Decimal("0.027")),
            accepted_at=AT,
            asked_by="ann",
        )
        return TrainingAnsweredV1(training=self.shown)

    def listed(self, _: ListTrainingsV1) -> TrainingsListedV1:
        return TrainingsListedV1(trainings=(self.shown,) if self.shown else ())

    def get(self, _: GetTrainingV1) -> TrainingAnsweredV1:
        return self.change(**self.steps.pop(0)) if self.steps else self.change()

    def change(self, **update: Any) -> TrainingAnsweredV1:
        assert self.shown is not None
        self.shown = self.shown.model_copy(update=update)
        return TrainingAnsweredV1(training=self.shown)


def follow(office: Office) -> Plays:
    """A training that waits, runs and ends trained."""
    plays = Plays(
        [
            {},
            {"status": "running", "place": None, "phases": RUNNING},
            {
                "status": "trained",
                "phases": DONE,
                "losses": LOSSES,
                "training_loss": 0.522,
                "cost_usd": Decimal("0.027"),
            },
        ]
    )
    plays.wire(office)
    return plays


async def confirm(dialog: Locator, name: str, words: str) -> None:
    """Says yes, by keyboard, to what is asked before it is done."""
    asked = dialog.page.locator("#confirm-dialog")
    await expect(asked).to_contain_text(words)
    await asked.get_by_role("button", name=name).press("Enter")
    await expect(asked).not_to_be_visible()


async def test_a_training_from_its_start_to_its_model_and_back_by_keyboard() -> None:
    async with visiting(a_token(scopes=ADMIN)) as seen:
        page, requester = seen.page, seen.office.gateway.requester
        follow(seen.office)
        await page.get_by_role("button", name="Training").press("Enter")
        dialog = page.get_by_role("dialog", name="Training sets and trainings")
        await expect(dialog.get_by_text("There are no trainings yet.")).to_be_visible()
        await expect(dialog.get_by_label("Base model")).to_have_value(NOVA)
        await dialog.get_by_label("Learning rate").fill("0.00002")
        epochs = dialog.get_by_label("Epochs")
        await epochs.fill("3")
        await epochs.press("Enter")
        asked = page.locator("#confirm-dialog")
        await expect(asked).to_contain_text("820 records with about 9,000 tokens")
        await asked.get_by_role("button", name="Cancel").press("Enter")
        await expect(asked).not_to_be_visible()
        assert requester.of(TrainingRequestedV1) == []
        await epochs.press("Enter")
        await confirm(dialog, "Train", "3 times")
        shown = dialog.get_by_role("region", name=f"Training of {NOVA}")
        await expect(shown).to_contain_text("waiting, 1 before it")
        await expect(shown).to_contain_text("$0.027: 27,000 tokens in 3 epochs")
        await expect(shown).to_contain_text("There are no losses by step yet.")
        [wanted] = requester.of(TrainingRequestedV1)
        assert (wanted.export_id, wanted.base_model) == ("ab12", NOVA)
        assert wanted.parameters == {"epochCount": "3", "learningRate": "0.00002"}
        await expect(shown).to_contain_text("running: training", timeout=15_000)
        plot = shown.get_by_role("img", name="Training loss from 2.20 at step 0 to 0.52 at step 59")
        await expect(plot).to_be_visible(timeout=15_000)
        await plot.scroll_into_view_if_needed()
        await look(page, "trainings")
        await shown.get_by_role("button", name="Approve").press("Enter")
        await confirm(dialog, "Approve", "answers nobody until an operator")
        await expect(shown).to_contain_text(f"{NOVA}@arn:1")
        await expect(dialog.get_by_role("button", name=f"{NOVA} deployed")).to_be_visible()
        await shown.get_by_role("button", name="Roll back").press("Enter")
        await confirm(dialog, "Roll back", "Its deployment is deleted")
        await expect(dialog.get_by_role("button", name=f"{NOVA} retired")).to_be_visible()
        assert len(requester.of(ApproveTrainingV1)) == len(requester.of(RollBackTrainingV1)) == 1
        await page.keyboard.press("Escape")
        await expect(dialog).not_to_be_visible()
        assert seen.complaints == []


async def test_a_failure_says_why_and_what_to_do_and_fits_a_phone() -> None:
    screen: dict[str, Any] = {"viewport": {"width": 320, "height": 700}}
    async with visiting(a_token(scopes=ADMIN), **screen) as seen:
        page, office = seen.page, seen.office
        plays = Plays()
        plays.wire(office)
        plays.request(TrainingRequestedV1(export_id="ab12", base_model=NOVA))
        plays.change(status="running", place=None, phases=RUNNING)
        await page.get_by_role("button", name="Training").click()
        dialog = page.get_by_role("dialog", name="Training sets and trainings")
        await dialog.get_by_role("button", name=f"{NOVA} running").click()
        shown = dialog.get_by_role("region", name=f"Training of {NOVA}")
        await shown.get_by_role("button", name="Stop").click()
        plays.steps.append({"status": "failed", "reason": "line 3 is too long; make another set"})
        await confirm(dialog, "Stop", "It ends without a model")
        await expect(shown).to_contain_text("Line 3 is too long; make another set. This training")
        refused = RequestRefused("budget_reached", "The training would cost more than is left.")
        office.gateway.requester.answers[TrainingRequestedV1] = refused
        await dialog.get_by_role("button", name="Train", exact=True).click()
        await confirm(dialog, "Train", "as often as is usual")
        await expect(dialog.get_by_role("alert")).to_contain_text("would cost more than is left")
        await look(page, "trainings-phone")
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        wide = "document.querySelector('#training').scrollWidth > "
        assert not await page.evaluate(f"{wide} document.querySelector('#training').clientWidth")
