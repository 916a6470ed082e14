"""Usage: count what a model call consumed; GET /v1/usage shows what was spent."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from contracts.envelope import Context
from contracts.gateway.http_usage import LimitView, UsageRow, UsageView
from contracts.platform.usage import ModelUsedV2
from contracts.topology import SERVICES
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.models.principal import Principal
from services.gateway.models.usage import NOBODY, THRESHOLDS, Budget, Counted, Line, Spent
from services.gateway.services.spending.spending import Spending
from services.gateway.services.spending.usage import Usage, UsageReport
from shared.outcomes import Done, Outcome, Reject

By = Annotated[
    Literal["day", "user", "model", "purpose"], Query(description="what the rows are for")
]
From = Annotated[
    date | None, Query(alias="from", description="first day, UTC; left out: the month's first")
]
To = Annotated[date | None, Query(alias="to", description="last day, UTC; left out: today")]
Format = Annotated[Literal["json", "csv"], Query(description="how the rows are written")]
_EXAMPLE = """day,calls,input_tokens,output_tokens,cache_read_tokens,cache_write_tokens,cost_usd
2026-11-26,12,20417,1893,0,0,0.00168
"""
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": _EXAMPLE}}}
}
# A cell that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "@", "\t", "\r")


@dataclass(frozen=True)
class UsageController:
    spending: Spending

    async def model_used(self, message: ModelUsedV2, context: Context) -> Outcome:
        if message.service not in SERVICES:
            return Reject(f"'{message.service[:64]}' is no service of this system")
        line = Line(context.principal or NOBODY, message.model, message.purpose)
        names = Spent.model_fields
        spent = Spent(**{name: getattr(message, name) for name in names})
        call = Counted(context.causation_id or "", line, spent)
        own, moment = message.service == "gateway", context.sent_at
        await self.spending.count(context.tenant, call, message.turn_id, own=own, moment=moment)
        return Done()


def usage_routes(needs: Needs, usage: Usage) -> APIRouter:
    router = APIRouter(tags=["usage"])

    @router.get(
        "/v1/usage",
        operation_id="show_usage",
        summary="Show tokens and cost; with the scope admin, those of the whole tenant",
        response_model=UsageView,
        responses=_CSV | documented(422, 429, 503),
    )
    async def show_usage(
        who: Annotated[Principal, Depends(needs("chat"))],
        by: By = "day",
        first: From = None,
        last: To = None,
        shape: Annotated[Format, Query(alias="format")] = "json",
    ) -> Response:
        report = await usage.show(who, by, first, last)
        return _csv(report, by) if shape == "csv" else json_response(_view(report, by))

    return router


def _view(report: UsageReport, by: str) -> UsageView:
    return UsageView(
        by=by,
        first=report.first.isoformat(),
        last=report.last.isoformat(),
        rows=[_row(key, spent) for key, spent in report.rows.items()],
        total=_row("total", report.total),
        limits=None if report.limits is None else [_limit(one) for one in report.limits],
    )


def _row(key: str, spent: Spent) -> UsageRow:
    return UsageRow(
        key=key, **spent.model_dump(exclude={"cost_usd"}), cost_usd=float(spent.cost_usd)
    )


def _limit(budget: Budget) -> LimitView:
    return LimitView(
        measure=budget.measure,
        period=budget.period,
        limit=float(budget.limit),
        used=float(budget.used),
        resets_at=budget.resets_at.isoformat(),
        thresholds=THRESHOLDS,
    )


def _csv(report: UsageReport, by: str) -> Response:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    names = list(Spent.model_fields)
    writer.writerow([by, *names])
    for key, spent in report.rows.items():
        writer.writerow([_cell(key), *_figures(spent, names)])
    name = f"usage-{by}-{report.first}-{report.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _figures(spent: Spent, names: Iterable[str]) -> list[str]:
    return [
        f"{getattr(spent, name):f}" if name == "cost_usd" else str(getattr(spent, name))
        for name in names
    ]


def _cell(text: str) -> str:
    """A user's name must not run as a formula. `-` alone is nobody."""
    risky = text.startswith(_FORMULA) or (text.startswith("-") and text != NOBODY)
    return f"'{text}" if risky else text
