"""The page's view of usage in a real browser: limits, days, users, and operators' settings."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from playwright.async_api import expect

from services.gateway.models.tenant import Limits, TenantSettings
from services.gateway.models.usage import Counted, Line, Spent, day_of
from tests.integration.gateway.office import Office
from tests.integration.gateway.test_page import visiting
from tests.unit.gateway.fakes import a_token

pytestmark = pytest.mark.real
LIMITS = Limits(usd_month=Decimal(2), tokens_month=1_000_000)


def spend(office: Office) -> None:
    ledger, today = office.gateway.ledger, day_of(datetime.now(UTC))
    first = today.replace(day=1)
    days = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    for n, day in enumerate(days):
        user, model = ("ann", "bob")[n % 2], ("claude", "nova")[n % 2]
        spent = Spent(calls=1, input_tokens=2000, output_tokens=100, cost_usd=Decimal("1.7"))
        each = spent.model_copy(update={"cost_usd": Decimal("1.7") / len(days)})
        ledger.counted["acme", f"e{n}"] = (day, Counted(f"e{n}", Line(user, model, "answer"), each))
    ledger.kept["acme"] = (1, TenantSettings(limits=LIMITS))


async def test_an_operator_sees_usage_and_changes_a_limit_by_keyboard() -> None:
    async with visiting() as seen:
        page, office = seen.page, seen.office
        spend(office)
        await page.get_by_role("button", name="Usage").press("Enter")
        dialog = page.get_by_role("dialog", name="Usage")
        bar = dialog.get_by_role("img", name="$1.70 of $2.00 used")
        await expect(bar).to_be_visible()
        assert "(85 %)" in str(await bar.get_attribute("aria-label"))
        await expect(dialog.get_by_role("row", name="ann")).to_be_visible()
        await expect(dialog.get_by_role("row", name="claude")).to_be_visible()
        async with page.expect_download() as downloading:
            await dialog.get_by_role("button", name="CSV by user").press("Enter")
        path = await (await downloading.value).path()
        assert path.read_text().startswith("user,calls,input_tokens")
        await dialog.get_by_label("Dollars a month").fill("3.5")
        await dialog.get_by_role("button", name="Suspend").scroll_into_view_if_needed()
        await dialog.get_by_label("Dollars a month").press("Enter")
        await expect(page.locator("#announce")).to_have_text("Saved acme.")
        _, settings = office.gateway.ledger.kept["acme"]
        assert settings.limits == LIMITS.model_copy(update={"usd_month": Decimal("3.5")})
        await dialog.get_by_role("button", name="Suspend").press("Enter")
        await expect(dialog.get_by_role("button", name="Resume")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(dialog).not_to_be_visible()
        assert seen.complaints == []


async def test_an_operator_bounds_users_and_deletes_a_tenant_by_typing_its_name() -> None:
    token = a_token(tenant="operators")
    async with visiting(token) as seen:
        page, office = seen.page, seen.office
        spend(office)
        await page.get_by_role("button", name="Usage").press("Enter")
        dialog = page.get_by_role("dialog", name="Usage")
        await dialog.get_by_label("Tokens a user and day").fill("500")
        await dialog.get_by_label("the same question in other words").check()
        await dialog.get_by_role("button", name="Save").press("Enter")
        await expect(page.locator("#announce")).to_have_text("Saved acme.")
        _, settings = office.gateway.ledger.kept["acme"]
        assert (settings.user_limits.tokens_day, settings.cache.semantic) == (500, True)
        assert settings.limits == LIMITS
        form = dialog.get_by_role("form", name="Delete acme")
        button = form.get_by_role("button", name="Delete")
        typed = form.get_by_label("Type acme to delete it")
        await typed.fill("acm")
        await expect(button).to_be_disabled()
        await typed.press("Enter")
        assert office.gateway.ledger.deletions == {}
        await typed.fill("acme")
        await button.press("Enter")
        await expect(dialog.get_by_role("status")).to_contain_text("acme is being deleted.")
        assert list(office.gateway.ledger.deletions) == ["acme"]
        await expect(dialog.locator("option[value=acme]")).to_have_count(0)
        assert seen.complaints == []


@pytest.mark.parametrize("scopes", [{"chat", "documents:read"}])
async def test_a_user_sees_only_their_own_and_no_tenants(scopes: set[str]) -> None:
    token = a_token(scopes=frozenset(scopes))
    screen: dict[str, Any] = {"viewport": {"width": 390, "height": 800}}
    async with visiting(token, **screen) as seen:
        page = seen.page
        spend(seen.office)
        await page.get_by_role("button", name="Usage").click()
        dialog = page.get_by_role("dialog", name="Usage")
        await expect(dialog.get_by_role("row", name="ann")).to_be_visible()
        await expect(dialog.get_by_role("row", name="bob")).to_have_count(0)
        await expect(dialog.get_by_role("img", name="used in")).to_have_count(0)
        await expect(dialog.get_by_role("heading", name="Tenants")).not_to_be_visible()
        wide = "document.documentElement.scrollWidth > innerWidth"
        assert not await page.evaluate(wide)
        assert seen.complaints == []
