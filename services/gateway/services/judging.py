"""Answers judged by the tenant's judge: one of its models, by a rubric, at temperature 0."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from contracts.envelope import Context
from services.gateway.models.judgement import RUBRIC, Case, Opinion
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import InvalidRequest, NotJudged
from services.gateway.services.spending.admission import Admission
from services.gateway.services.turn.prompt import as_data, new_marker
from shared.errors import Unavailable, described
from shared.metering import Bill, Metering
from shared.observability import bound, span
from shared.ports import Model, Tool
from shared.tokens import estimated_tokens

# A judge that breaks the form of its answer is asked once more.
_ATTEMPTS = 2
_ANSWER_TOKENS = 500
# Of a prompt by the estimate: every model that calls tools reads more.
_PROMPT_TOKENS_MAX = 24_000
_REASON_CHARACTERS = 1_000
_TOOL = Tool(
    "judge_answer",
    "Records what is to be said of the answer.",
    {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "description": "what decides, in one or two sentences"},
            "verdict": {"type": "string", "enum": ["right", "partly", "wrong", "refused"]},
            "supported": {
                "type": "boolean",
                "description": "whether the sources tell all that the answer states",
            },
        },
        "required": ["reason", "verdict", "supported"],
    },
)
# The tool's words, and what providers add to a request with a tool (docs/adr/0014).
_TOOL_TOKENS = 500


@dataclass(frozen=True)
class Judged:
    opinion: Opinion
    model: str
    cost_usd: Decimal


@dataclass(frozen=True)
class Judging:
    """No other model stands in for the judge: verdicts of two models do not compare."""

    model: Model
    metering: Metering
    admission: Admission

    async def judge(self, who: Principal, case: Case) -> Judged:
        """Raises NotPossible without a judge, NotJudged, InvalidRequest, Unavailable, and what
        Admission raises."""
        hold_id = str(uuid4())
        read, written = _tokens(case), _ANSWER_TOKENS
        judge = await self.admission.judgement(who, hold_id, _ATTEMPTS * read, _ATTEMPTS * written)
        context = Context(tenant=who.tenant, principal=who.user)
        # Its calls are told under the hold's id, as a turn's are.
        bill = Bill(self.metering, context, hold_id)
        with bound(tenant=who.tenant, correlation_id=context.correlation_id), span("judge"):
            try:
                opinion = await self._asked(judge, case, bill)
            finally:
                self.admission.spending.settle_bill(hold_id, bill)
        return Judged(opinion, judge, bill.cost_usd)

    async def _asked(self, judge: str, case: Case, bill: Bill) -> Opinion:
        for _ in range(_ATTEMPTS):
            # Each attempt has a marker of its own, so it is not the same question again.
            marker = new_marker()
            system, text = RUBRIC.replace("{marker}", marker), _fenced(case, marker)
            work = self.model.call_tool(judge, system, text, _TOOL, _ANSWER_TOKENS)
            try:
                called = await bill.charge("judge", work)
            except Unavailable as error:
                raise Unavailable("judge", described(error)) from error
            if (opinion := _read(called.arguments)) is not None:
                return opinion
        raise NotJudged(judge)


def _tokens(case: Case) -> int:
    """What a call reads at most. Raises InvalidRequest."""
    tokens = estimated_tokens(RUBRIC + _fenced(case, new_marker())) + _TOOL_TOKENS
    if tokens > _PROMPT_TOKENS_MAX:
        raise InvalidRequest(
            "sources",
            f"The case has about {tokens:,} tokens; a judge reads {_PROMPT_TOKENS_MAX:,} at most."
            " Send only the sources that the answer cites.",
        )
    return tokens


def _fenced(case: Case, marker: str) -> str:
    """The case as JSON between two tags with a random marker (arXiv 2403.14720).

    No text of it ends the string that it stands in, and none holds `<`: so an answer can pose
    neither as a source nor as its judge.
    """
    told = {
        "question": as_data(case.question),
        "expected": [as_data(one) for one in case.expected],
        "answer": as_data(case.answer),
        "sources": [{"n": one.n, "text": as_data(one.text)} for one in case.sources],
    }
    written = json.dumps(told, ensure_ascii=False).replace("<", r"\u003c")
    return f'<case marker="{marker}">\n{written}\n</case marker="{marker}">'


def _read(arguments: Mapping[str, Any] | None) -> Opinion | None:
    """None for an answer of another form."""
    try:
        opinion = Opinion.model_validate(arguments)
    except ValidationError:
        return None
    return opinion.model_copy(update={"reason": opinion.reason[:_REASON_CHARACTERS]})
