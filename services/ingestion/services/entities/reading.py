"""Entities by a model: known answers from the cache, one call for each other passage."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from services.ingestion.models.parsed import Chunk, Extraction
from services.ingestion.models.version import Claim
from services.ingestion.services.announcing import context_of
from services.ingestion.services.entities.asking import (
    TOOL,
    Passage,
    Prompt,
    passages_of,
    prompt_for,
    read_answer,
)
from services.ingestion.services.entities.budget import Budget, estimated
from services.ingestion.services.ports import ExtractionCache
from shared.metering import Call, Metering
from shared.observability import metric
from shared.ports import Model, ToolCall

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Tokens a document and tokens an answer at most, and how many calls a document at once."""

    document_tokens: int
    answer_tokens: int
    at_once: int


@dataclass
class _Work:
    """A document's passages still to ask about, and what has been read."""

    claim: Claim
    todo: deque[tuple[bytes, Passage]]
    budget: Budget
    have: dict[bytes, Extraction | None]


@dataclass(frozen=True)
class ReadEntities:
    """Where the answer is None, the rules have to do: no usable answer, or no room."""

    model: Model
    cache: ExtractionCache
    metering: Metering
    model_id: str
    limits: Limits

    async def read(
        self, claim: Claim, title: str, chunks: Sequence[Chunk]
    ) -> list[Extraction | None]:
        """One a chunk. The cache is the checkpoint: a crash repeats the calls that were running.

        Raises Unavailable when the model is away or throttles.
        """
        passages = passages_of(title, chunks)
        keys = [passage.key(claim.origin.tenant, self.model_id) for passage in passages]
        have = await self.cache.get(keys)
        missing = {k: p for k, p in zip(keys, passages, strict=True) if k not in have}
        budget = Budget(self.limits.document_tokens)
        work = _Work(claim, deque(missing.items()), budget, have)
        if work.todo:
            self._announce(work)
            await self._read(work)
        return [work.have.get(key) for key in keys]

    def _announce(self, work: _Work) -> None:
        passages = [passage for _, passage in work.todo]
        estimate = estimated(passages, self.limits.document_tokens, self.limits.answer_tokens)
        tokens = estimate.input_tokens + estimate.output_tokens
        metric("EntityTokensEstimated", tokens, model=self.model_id)
        fields = {
            "document_id": work.claim.document_id,
            "model": self.model_id,
            "calls": estimate.calls,
            "cached": len(work.have),
            "left_out": estimate.left_out,
            "input_tokens": estimate.input_tokens,
            "output_tokens": estimate.output_tokens,
        }
        logger.info("entities_estimated", extra={"fields": fields})

    async def _read(self, work: _Work) -> None:
        lanes = (self._lane(work) for _ in range(self.limits.at_once))
        ended = await asyncio.gather(*lanes, return_exceptions=True)
        for failure in ended:
            if failure is not None:
                raise failure
        if work.todo:
            metric("EntityFallback", len(work.todo), reason="cap")
            fields = {
                "document_id": work.claim.document_id,
                "cap": work.budget.cap,
                "used": work.budget.used,
                "passages_left": len(work.todo),
            }
            logger.warning("entity_cap_reached", extra={"fields": fields})

    async def _lane(self, work: _Work) -> None:
        """Asks until nothing is left or there is no room for one more call."""
        while work.todo:
            key, passage = work.todo.popleft()
            most = passage.tokens_max + self.limits.answer_tokens
            if not work.budget.reserve(most):
                work.todo.appendleft((key, passage))
                return
            try:
                call = await self._call(work.budget, most, prompt_for(passage))
                work.have[key] = await self._kept(work.claim, key, passage, call)
            except BaseException:
                # The calls of the other lanes are billed: they finish those and begin nothing more.
                work.todo.clear()
                raise

    async def _call(self, budget: Budget, most: int, prompt: Prompt) -> ToolCall:
        used = 0
        try:
            call = await self.model.call_tool(
                self.model_id, prompt.system, prompt.text, TOOL, self.limits.answer_tokens
            )
            used = call.report.input_tokens + call.report.output_tokens
        finally:
            budget.settle(most, used)
        return call

    async def _kept(
        self, claim: Claim, key: bytes, passage: Passage, call: ToolCall
    ) -> Extraction | None:
        """Metered, then kept, also an answer of no use: asking again would cost again."""
        claim.tally.cost_usd += call.report.cost_usd
        usage = Call("extract_entities", context_of(claim.origin), document_id=claim.document_id)
        # Cancelling one document must not cancel the event that others wait for.
        await asyncio.shield(self.metering.record(usage, call.report))
        extraction = read_answer(call.arguments, passage)
        if extraction is None:
            metric("EntityFallback", 1, reason="answer")
        if call.report.input_tokens:
            await self.cache.put(claim.document_id, key, extraction)
        return extraction
