"""Asks every question of a set, each in a conversation of its own; records and judges answers."""

import time
from dataclasses import dataclass

from contracts.gateway.http_chat import ChatBody, MetaEvent, TokenEvent, UsageEvent
from contracts.gateway.http_prompts import LabelBody, PromptBody, PromptView
from shared.client.answers.judging import Judging
from shared.client.answers.questions import Asked, QuestionSet
from shared.client.answers.recorded import Answered, Recorded, Shown
from shared.client.client import Client
from shared.client.errors import Refused
from shared.client.evaluate.evaluation import check_ready, empty
from shared.client.evaluate.tenancy import Tenancy
from shared.client.events import Citations, Sources
from shared.client.pool import each
from shared.client.progress import Bar

_FORBIDDEN = 403


@dataclass(frozen=True)
class Asking:
    """`prompt` is registered in the set's tenant and answers there; None: what answers now.

    With `judge` each answer is judged as soon as it is there.
    """

    questions: QuestionSet
    prompt: PromptBody | None
    concurrency: int = 1
    keep: bool = False
    stall_s: float = 300.0
    judge: bool = False

    async def run(self, client: Client, bar: Bar) -> Recorded:
        """The documents go again, whatever happens, unless they are to be kept.

        Raises EvaluationError, or what the client raises.
        """
        await check_ready(client)
        tenancy = Tenancy(client, bar)
        try:
            await tenancy.fill(self.questions.files(), self.stall_s)
            prompt = await self._prompt(client)
            answers = await self._all(client, bar)
            return Recorded.now(self.questions.name, prompt, answers)
        finally:
            if not self.keep:
                await empty(tenancy)

    async def _prompt(self, client: Client) -> PromptView | None:
        if self.prompt is not None:
            made = await client.register_prompt(self.prompt)
            await client.move_label(made.name, "production", LabelBody(version=made.version))
            return made
        try:
            known = await client.prompts()
        except Refused as error:
            if error.status == _FORBIDDEN:
                return None
            raise
        [production] = [one for one in known.labels if one.label == "production"]
        return next(one for one in known.versions if one.version == production.version)

    async def _all(self, client: Client, bar: Bar) -> list[Answered]:
        advance = bar("questions", len(self.questions.questions))
        answers: dict[str, Answered] = {}
        judging = Judging(client)

        async def ask(asked: Asked) -> None:
            given = await _answered(client, asked)
            answers[asked.id] = await judging.answer(asked, given) if self.judge else given
            advance(1)

        await each(self.questions.questions, ask, self.concurrency)
        return [answers[one.id] for one in self.questions.questions]


async def _answered(client: Client, asked: Asked) -> Answered:
    began, pieces = time.perf_counter(), list[str]()
    sources: tuple[Shown, ...] = ()
    cited: tuple[int, ...] = ()
    cached, usage = False, UsageEvent(input_tokens=0, output_tokens=0)
    async for event in client.chat(ChatBody(question=asked.question)):
        match event:
            case MetaEvent(cached=cached):
                pass
            case Sources(root=found):
                sources = tuple(Shown(n=s.n, document=s.name, text=s.text) for s in found)
            case TokenEvent(text=text):
                pieces.append(text)
            case Citations(root=named):
                cited = tuple(one.n for one in named)
            case UsageEvent():
                usage = event
    return Answered(
        id=asked.id,
        question=asked.question,
        answer="".join(pieces),
        sources=sources,
        cited=cited,
        cached=cached,
        seconds=time.perf_counter() - began,
        **usage.model_dump(include={"model", "input_tokens", "output_tokens", "cost_usd"}),
    )
