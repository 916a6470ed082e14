"""Answers judged by the running system: by the judge of the run's tenant, one call each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from contracts.gateway.http_judgements import JudgementBody
from contracts.gateway.http_usage import TenantBody
from shared.client.answers.questions import Asked
from shared.client.answers.recorded import Answered, Judged
from shared.client.client import Client
from shared.client.errors import Refused, Unreachable
from shared.client.evaluate.errors import EvaluationError
from shared.client.pool import each
from shared.client.progress import Bar

_CONFLICT = 409
# No judge, no right to ask it, or a gateway without judges: all further answers would fail alike.
_FOR_ALL = (401, 403, 404, 405, _CONFLICT)


@dataclass(frozen=True)
class Judging:
    client: Client
    concurrency: int = 1

    async def all_of(
        self, questions: Sequence[Asked], answers: Sequence[Answered], bar: Bar
    ) -> tuple[Answered, ...]:
        """The answers with their judgements; those of other questions as they are.

        Raises Refused where none can be judged.
        """
        asked, done = {one.id: one for one in questions}, {one.id: one for one in answers}
        advance = bar("judgements", len(asked))

        async def judge(given: Answered) -> None:
            done[given.id] = await self.answer(asked[given.id], given)
            advance(1)

        await each([one for one in answers if one.id in asked], judge, self.concurrency)
        return tuple(done[one.id] for one in answers)

    async def answer(self, asked: Asked, given: Answered) -> Answered:
        """With its judgement, or with why it has none. Raises Refused where none can be judged.

        The judge sees the sources that the answer cites.
        """
        cited = [
            {"n": one.n, "text": one.text} for one in given.sources if one.n in set(given.cited)
        ]
        case = {"question": asked.question, "answer": given.answer, "sources": cited}
        said = await self.said_of({**case, "expected": asked.answers})
        if isinstance(said, Judged):
            return given.model_copy(update={"judged": said, "not_judged": None})
        return given.model_copy(update={"judged": None, "not_judged": said})

    async def said_of(self, case: Mapping[str, Any]) -> Judged | str:
        """The judgement of a JudgementBody's fields, or why there is none. Raises the same."""
        try:
            view = await self.client.judge(JudgementBody.model_validate(case))
        except ValidationError as error:
            first = error.errors()[0]
            return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        except Refused as error:
            if error.status in _FOR_ALL:
                raise
            return str(error)
        except Unreachable as error:
            return str(error)
        return Judged(**view.model_dump())


async def name_judge(client: Client, tenant: str, model: str) -> None:
    """Gives a new tenant its settings, with this judge. Needs the scope `platform`.

    Raises EvaluationError for a tenant that has settings, unless this is its judge: they are an
    operator's.
    """
    try:
        await client.create_tenant(tenant, TenantBody(judge_model=model))
    except Refused as error:
        if error.status != _CONFLICT:
            raise
        known = await client.tenant(tenant)
        if known.judge_model != model:
            raise EvaluationError(
                f"Tenant {tenant} has settings, and its judge is {known.judge_model or 'nobody'}."
                f" Change it with PUT /v1/admin/tenants/{tenant}, or leave out --tenant."
            ) from None
