"""shared.ports.Model over Bedrock's runtime."""

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError
from opentelemetry.trace import Span, SpanKind

from shared.aws import INTERACTIVE, Clients
from shared.bedrock.conversing import Guardrail, converse_request, tool_config
from shared.bedrock.embedding import Body, family_of, tokens_of
from shared.bedrock.prices import PriceList, called
from shared.errors import Unavailable, described
from shared.observability import span
from shared.outage import code_of, outages_of
from shared.ports import (
    OWN_SAMPLING,
    ChatMessage,
    Embedded,
    EmbedRole,
    ModelReport,
    Reranked,
    Sampling,
    Tool,
    ToolCall,
)
from shared.settings import Settings

# Some models take one text a call; more calls at once only queue up at the provider.
EMBED_CONCURRENCY = 32
# Tool calls take seconds: they must not hold every connection.
TOOL_CONCURRENCY = 16
# Between two events of a stream: a model that is silent for so long has stopped.
SILENCE_S = 30.0
_MODEL_FAILED = "ModelErrorException"


class BedrockModel:
    """`runtime` converses and embeds, `agents` reranks; both are boto's own clients.

    `dimension` is asked of models that offer several; a stream that says nothing for `silence_s`
    seconds is given up; `guardrail` watches every conversation.
    """

    def __init__(
        self,
        runtime: Any,
        agents: Any,
        prices: PriceList,
        region: str,
        dimension: int,
        *,
        silence_s: float = SILENCE_S,
        guardrail: Guardrail | None = None,
    ) -> None:
        self._runtime, self._agents = runtime, agents
        self._prices, self._region, self._dimension = prices, region, dimension
        self._silence_s, self._guardrail = silence_s, guardrail
        self._embedding = asyncio.Semaphore(EMBED_CONCURRENCY)
        self._calling = asyncio.Semaphore(TOOL_CONCURRENCY)

    async def converse(
        self,
        model: str,
        system: str,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        about: Mapping[str, str] = MappingProxyType({}),
        sampling: Sampling = OWN_SAMPLING,
    ) -> AsyncIterator[str | ModelReport]:
        self._prices.check(model)
        request = converse_request(
            model, system, messages, max_tokens, about, self._guardrail, sampling
        )
        with _asking("chat", model, current=False) as current:
            current.set_attribute("gen_ai.request.max_tokens", max_tokens)
            answer = await self._begin(request)
            usage: dict[str, int] = {}
            stopped: str | None = None
            try:
                async for event in _events(answer["stream"], self._silence_s):
                    if "contentBlockDelta" in event:
                        yield event["contentBlockDelta"]["delta"].get("text", "")
                    elif "messageStop" in event:
                        stopped = event["messageStop"]["stopReason"]
                    elif "metadata" in event:
                        usage = event["metadata"]["usage"]
            finally:
                answer["stream"].close()  # a reader that leaves early stops the model too
            report = self._report(model, usage)
            _note_tokens(current, report)
            yield replace(report, stop_reason=stopped)

    async def _begin(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        with outages_of("bedrock"):
            try:
                answer: Mapping[str, Any] = await self._runtime.converse_stream(**request)
            except ClientError as error:
                if code_of(error) == _MODEL_FAILED:
                    raise Unavailable("bedrock", described(error)) from error
                raise
        return answer

    async def call_tool(
        self, model: str, system: str, text: str, tool: Tool, max_tokens: int
    ) -> ToolCall:
        self._prices.check(model)
        async with self._calling:
            with _asking("chat", model) as current:
                try:
                    with outages_of("bedrock"):
                        answer = await self._runtime.converse(
                            modelId=called(model),
                            system=[{"text": system}],
                            messages=[{"role": "user", "content": [{"text": text}]}],
                            inferenceConfig={"maxTokens": max_tokens, "temperature": 0},
                            toolConfig=tool_config(model, tool),
                        )
                except ClientError as error:
                    # So Nova answers when it breaks its own call's form ("invalid sequence as part
                    # of ToolUse"): one text's misfortune, no fault of the request.
                    if code_of(error) != _MODEL_FAILED:
                        raise
                    return ToolCall(None, self._report(model, {}))
                report = self._report(model, answer["usage"])
                _note_tokens(current, report)
        return ToolCall(_arguments(answer, tool), report)

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        family = family_of(model, self._dimension)
        most = family.texts_max
        parts = [texts[start : start + most] for start in range(0, len(texts), most)]
        with _asking("embeddings", model) as current:
            calls = [self._invoke(model, family.ask(part, role)) for part in parts]
            answers = await asyncio.gather(*calls)
            tokens = sum(
                tokens_of(answer, headers, part)
                for (answer, headers), part in zip(answers, parts, strict=True)
            )
            current.set_attribute("gen_ai.usage.input_tokens", tokens)
        cost = self._prices.cost(model, tokens)
        report = ModelReport(model, tokens, 0, cost, calls=max(1, len(parts)))
        return Embedded([v for answer, _ in answers for v in family.vectors(answer)], report)

    async def _invoke(self, model: str, body: Body) -> tuple[Body, Mapping[str, str]]:
        """The answer's body and headers."""
        async with self._embedding:
            with outages_of("bedrock"):
                answer = await self._runtime.invoke_model(
                    modelId=model,
                    body=json.dumps(body),
                    contentType="application/json",
                    accept="application/json",
                )
                async with answer["body"] as stream:
                    parsed: Body = json.loads(await stream.read())
        return parsed, answer["ResponseMetadata"]["HTTPHeaders"]

    async def rerank(self, model: str, query: str, passages: Sequence[str]) -> Reranked:
        arn = f"arn:aws:bedrock:{self._region}::foundation-model/{model}"
        sources = [
            {
                "type": "INLINE",
                "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}},
            }
            for text in passages
        ]
        with _asking("rerank", model), outages_of("bedrock"):
            answer = await self._agents.rerank(
                queries=[{"type": "TEXT", "textQuery": {"text": query}}],
                sources=sources,
                rerankingConfiguration={
                    "type": "BEDROCK_RERANKING_MODEL",
                    "bedrockRerankingConfiguration": {
                        "numberOfResults": len(passages),
                        "modelConfiguration": {"modelArn": arn},
                    },
                },
            )
        scores = [(entry["index"], entry["relevanceScore"]) for entry in answer["results"]]
        return Reranked(scores, ModelReport(model, 0, 0, self._prices.query_cost(model)))

    def _report(self, model: str, usage: Mapping[str, int]) -> ModelReport:
        """`usage` is Converse's TokenUsage, whose inputTokens hold none of the cache's."""
        read, written = usage.get("inputTokens", 0), usage.get("outputTokens", 0)
        cached = (usage.get("cacheReadInputTokens", 0), usage.get("cacheWriteInputTokens", 0))
        cost = self._prices.cost(model, read, written, *cached)
        return ModelReport(model, read, written, cost, 1, *cached)


@contextmanager
def _asking(operation: str, model: str, *, current: bool = True) -> Iterator[Span]:
    """A span as OpenTelemetry's GenAI conventions want it; `rerank` has no name there yet.

    Source: opentelemetry.io, "Semantic conventions for AWS Bedrock operations".
    """
    attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": model,
    }
    name = f"{operation} {model}"
    with span(name, attributes, kind=SpanKind.CLIENT, current=current) as opened:
        yield opened


def _note_tokens(current: Span, report: ModelReport) -> None:
    current.set_attribute("gen_ai.usage.input_tokens", report.input_tokens)
    current.set_attribute("gen_ai.usage.output_tokens", report.output_tokens)


async def _events(
    stream: AsyncIterable[Mapping[str, Any]], silence_s: float
) -> AsyncIterator[Mapping[str, Any]]:
    """The stream's events up to its regular end.

    Raises Unavailable when it breaks, ends early or is silent for `silence_s` seconds: whatever
    goes wrong while it is read is the model's or the network's trouble, unless Bedrock says that
    the request was invalid.
    """
    events, ended = aiter(stream), False
    while True:
        try:
            async with asyncio.timeout(silence_s):
                event = await anext(events)
        except StopAsyncIteration:
            break
        except Exception as error:
            if isinstance(error, ClientError) and code_of(error) == "ValidationException":
                raise
            raise Unavailable("bedrock", described(error)) from error
        ended = ended or "messageStop" in event
        yield event
    if not ended:
        raise Unavailable("bedrock", "the stream ended early")


def _arguments(answer: dict[str, Any], tool: Tool) -> dict[str, Any] | None:
    for block in answer["output"]["message"]["content"]:
        use = block.get("toolUse", {})
        if use.get("name") == tool.name and isinstance(use.get("input"), dict):
            arguments: dict[str, Any] = use["input"]
            return arguments
    return None


@asynccontextmanager
async def open_model(
    settings: Settings, guardrail: Guardrail | None = None, *, streams: int = 16
) -> AsyncIterator[BedrockModel]:
    """`streams` answers may be under way at once; one more waits for a connection."""
    prices = PriceList.of_today(settings)
    prices.check(settings.embedding_model)
    url = settings.bedrock_endpoint_url
    async with AsyncExitStack() as stack:
        clients = Clients(stack, settings)
        runtime, agents = [
            await clients.open(
                name, retries=INTERACTIVE, connections=EMBED_CONCURRENCY + streams, endpoint_url=url
            )
            for name in ("bedrock-runtime", "bedrock-agent-runtime")
        ]
        yield BedrockModel(
            runtime,
            agents,
            prices,
            settings.aws_region,
            settings.embedding_dimension,
            guardrail=guardrail,
        )
