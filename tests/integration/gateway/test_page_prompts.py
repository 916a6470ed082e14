"""The page's prompts in a real browser: versions, labels that are moved, figures of the arms."""

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from contracts.finetune_export.trainings import TrainingRequestedV1
from services.gateway.models.arm import ArmFigures
from services.gateway.models.prompt import ANSWER, BUILT_IN, CANARY, PRODUCTION, SHADOW, Label
from services.gateway.models.tenant import TenantSettings
from services.gateway.services.arms import Arms
from shared.testing.running import worker
from tests.integration.gateway.office import Office
from tests.integration.gateway.test_page import visiting
from tests.integration.gateway.test_page_conversations import look
from tests.integration.gateway.test_page_trainings import ADMIN, NOVA, Plays, confirm
from tests.unit.gateway.fakes import a_token
from tests.unit.gateway.test_shadowing import put

pytestmark = pytest.mark.real
TUNED = f"{NOVA}@arn:1"
WENT_BACK = "failures: 5 of 5 turns; production: 0 of 0"


def tune(office: Office) -> None:
    """The tenant has a tuned model beside its own."""
    plays = Plays()
    plays.wire(office)
    plays.request(TrainingRequestedV1(export_id="ab12", base_model=NOVA))
    plays.change(status="deployed", place=None, model=TUNED)
    office.gateway.ledger.kept["acme"] = (1, TenantSettings(models=("first", TUNED)))
    worker(office.gateway.service, Arms).prompts.tenants.forget("acme")


async def count(office: Office, label: Label, figures: ArmFigures) -> None:
    """As if the arm's turns had come to `figures`."""
    arms = (await office.gateway.prompts.labels("acme")).arms
    [arm] = [one for one in arms if one.label == label]
    await worker(office.gateway.service, Arms).count("acme", arm, figures)


async def go_back(office: Office) -> str:
    """A canary that went back by itself: where it stood."""
    version = await put(office.gateway, CANARY, 5, system="Be quick.")
    canary = (await office.gateway.prompts.labels("acme")).canary
    assert canary is not None
    prompts = worker(office.gateway.service, Arms).prompts
    assert await prompts.take_back("acme", canary, WENT_BACK)
    return version


async def opened(page: Page, key: str = "Enter") -> Locator:
    await page.get_by_role("button", name="Prompts").press(key)
    dialog = page.get_by_role("dialog", name="Prompts")
    await expect(dialog.get_by_role("row", name="Version")).to_be_visible()
    return dialog


async def test_a_version_is_registered_and_stands_as_the_shadow_by_keyboard() -> None:
    async with visiting(a_token(scopes=ADMIN)) as seen:
        page, office = seen.page, seen.office
        tune(office)
        dialog = await opened(page)
        production = dialog.get_by_role("form", name="Production")
        built_in = f"Stands at {BUILT_IN.version[:8]}, which the gateway brings along."
        await expect(production.locator(".stands")).to_have_text(built_in)
        await expect(production.get_by_role("button", name="Use the built-in")).to_be_hidden()
        await dialog.get_by_label("System text").fill("Answer briefly.")
        await dialog.get_by_label("Model, one of").fill(TUNED)
        await dialog.get_by_role("button", name="Register").press("Enter")
        versions = dialog.get_by_role("list", name="Versions").locator("details")
        await expect(versions).to_have_count(2)
        await expect(versions.nth(0).locator("summary")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(versions.nth(0)).to_contain_text(f"model {NOVA}, trained")
        await expect(versions.nth(0).locator("pre")).to_contain_text("Answer briefly.")
        [made] = [one for one in office.gateway.prompts.kept.values() if one.parameters.model]
        shadow = dialog.get_by_role("form", name="Shadow")
        await expect(shadow.locator(".stands")).to_have_text("Stands nowhere.")
        await shadow.get_by_label("Version").select_option(made.version)
        await shadow.get_by_label("Per cent of production’s turns").fill("50")
        await shadow.get_by_role("button", name="Move shadow").press("Enter")
        await confirm(dialog, "Move", "The tenant pays for them")
        await expect(shadow.locator(".stands")).to_contain_text(f"Stands at {made.version[:8]}, 50")
        kept = office.gateway.prompts.at["acme", ANSWER, SHADOW]
        assert (kept.version.version, kept.weight) == (made.version, 50)
        await expect(dialog.get_by_role("columnheader", name="Shadow")).to_be_visible()
        await expect(versions.nth(0).locator(".badge")).to_have_text("shadow")
        await expect(versions.nth(0)).to_have_attribute("open", "")
        await shadow.get_by_role("button", name="Take the shadow away").press("Enter")
        await confirm(dialog, "Take", "No turn is answered once more")
        await expect(shadow.locator(".stands")).to_have_text("Stands nowhere.")
        await expect(shadow.get_by_role("button", name="Move shadow")).to_be_focused()
        assert office.gateway.prompts.at == {}
        await page.keyboard.press("Escape")
        await expect(dialog).not_to_be_visible()
        assert seen.complaints == []


async def test_figures_stand_side_by_side_and_say_why_a_canary_went_back() -> None:
    async with visiting(a_token(scopes=ADMIN)) as seen:
        page, office = seen.page, seen.office
        tune(office)
        before = await go_back(office)
        await put(office.gateway, SHADOW, 50, model=TUNED)
        await count(office, PRODUCTION, ArmFigures(200, 1, 20, 0.4, 0.0008))
        await count(office, SHADOW, ArmFigures(100, 0, 5, 0.1, 0.0001))
        dialog = await opened(page)
        table = dialog.get_by_role("region", name="Turns of the last 10 minutes")
        for name, cells in {
            "Model": ["the tenant’s", f"{NOVA}, trained"],
            "Weight": ["100 % of conversations", "50 % of production’s turns"],
            "Turns": ["200", "100"],
            "Failures": ["1 (0.5%)", "0 (0%)"],
            "Refusals": ["20 (10%)", "5 (5%)"],
            "Cost a turn": ["$0.002", "$0.001"],
        }.items():
            row = table.get_by_role("row", name=re.compile(f"^{name}")).get_by_role("cell")
            await expect(row).to_contain_text(cells)
        back = dialog.get_by_text(f"The canary at version {before[:8]} went back by itself")
        await expect(back).to_contain_text(f"for its {WENT_BACK}. Mend the version")
        await look(page, "prompts")
        # The view looks again by itself, and keeps the focus and what is typed.
        field = dialog.get_by_label("System text")
        await field.fill("Not yet sent")
        await count(office, SHADOW, ArmFigures(1, 1, 0, 0.1, 0.01))
        await expect(table.get_by_role("row", name="Failures")).to_contain_text(
            "1 (1%)", timeout=15_000
        )
        await expect(field).to_be_focused()
        await expect(field).to_have_value("Not yet sent")
        assert seen.complaints == []


async def test_what_is_refused_says_the_next_step_and_fits_a_phone() -> None:
    screen: dict[str, Any] = {"viewport": {"width": 320, "height": 700}}
    async with visiting(a_token(scopes=ADMIN), **screen) as seen:
        page, office = seen.page, seen.office
        tune(office)
        first = await put(office.gateway, PRODUCTION, None)
        dialog = await opened(page)
        production = dialog.get_by_role("form", name="Production")
        await expect(production.locator(".stands")).to_contain_text(first[:8])
        await production.get_by_label("Version").select_option(BUILT_IN.version)
        await production.get_by_role("button", name="Move production").click()
        other = await put(office.gateway, PRODUCTION, None, system="Be exact.")
        await confirm(dialog, "Move", "answers all conversations")
        await expect(production.get_by_role("alert")).to_contain_text("moved this label meanwhile")
        await expect(production.locator(".stands")).to_contain_text(f"Stands at {other[:8]}")
        assert office.gateway.prompts.at["acme", ANSWER, PRODUCTION].version.version == other
        await production.get_by_role("button", name="Move production").click()
        await confirm(dialog, "Move", "answers all conversations")
        await expect(production.locator(".stands")).to_contain_text(BUILT_IN.version[:8])
        form = dialog.get_by_role("form", name="A new version")
        await form.get_by_label("System text").fill("Be kind.")
        await form.get_by_label("Model, one of").fill("gpt-none")
        await form.get_by_role("button", name="Register").click()
        await expect(form.get_by_role("alert")).to_contain_text("An operator adds it at the end")
        await look(page, "prompts-phone")
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        wide = "document.querySelector('#prompts').scrollWidth > "
        assert not await page.evaluate(f"{wide} document.querySelector('#prompts').clientWidth")
