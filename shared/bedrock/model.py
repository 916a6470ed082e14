"""shared.ports.Model over Bedrock's runtime."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from botocore.exceptions import ClientError

from shared.aws import INTERACTIVE, Clients
from shared.bedrock.embedding import Body, family_of, tokens_of
from shared.bedrock.prices import PriceList
from shared.observability import span
from shared.outage import outages_of
from shared.ports import (
    ChatMessage,
    Embedded,
    EmbedRole,
    ModelReport,
    Reranked,
    Tool,
    ToolCall,
)
from shared.settings import Settings

# Some models take one text a call; more calls at once only queue up at the provider.
EMBED_CONCURRENCY = 32
# Tool calls take seconds: they must not hold every connection.
TOOL_CONCURRENCY = 16


class BedrockModel:
    """`runtime` converses and embeds, `agents` reranks; both are boto's own clients.

    `dimension` is asked of models that offer several.
    """

    def __init__(
        self, runtime: Any, agents: Any, prices: PriceList, region: str, dimension: int
    ) -> None:
        self._runtime, self._agents = runtime, agents
        self._prices, self._region, self._dimension = prices, region, dimension
        self._embedding = asyncio.Semaphore(EMBED_CONCURRENCY)
        self._calling = asyncio.Semaphore(TOOL_CONCURRENCY)

    async def converse(
        self, model: str, system: str, messages: Sequence[ChatMessage], max_tokens: int
    ) -> AsyncIterator[str | ModelReport]:
        self._prices.check(model)
        with span("chat", {"gen_ai.request.model": model}) as current:
            usage: dict[str, int] = {}
            with outages_of("bedrock"):
                answer = await self._runtime.converse_stream(
                    modelId=model,
                    system=[{"text": system}],
                    messages=[{"role": m.role, "content": [{"text": m.text}]} for m in messages],
                    inferenceConfig={"maxTokens": max_tokens},
                )
                try:
                    async for event in answer["stream"]:
                        if "contentBlockDelta" in event:
                            yield event["contentBlockDelta"]["delta"].get("text", "")
                        elif "metadata" in event:
                            usage = event["metadata"]["usage"]
                finally:
                    answer["stream"].close()  # a reader that leaves early stops the model too
            report = self._report(model, usage.get("inputTokens", 0), usage.get("outputTokens", 0))
            current.set_attribute("gen_ai.usage.input_tokens", report.input_tokens)
            current.set_attribute("gen_ai.usage.output_tokens", report.output_tokens)
            yield report

    async def call_tool(
        self, model: str, system: str, text: str, tool: Tool, max_tokens: int
    ) -> ToolCall:
        self._prices.check(model)
        async with self._calling:
            with span("chat", {"gen_ai.request.model": model}) as current:
                try:
                    with outages_of("bedrock"):
                        answer = await self._runtime.converse(
                            modelId=model,
                            system=[{"text": system}],
                            messages=[{"role": "user", "content": [{"text": text}]}],
                            inferenceConfig={"maxTokens": max_tokens, "temperature": 0},
                            toolConfig=_forced(tool),
                        )
                except ClientError as error:
                    # So Nova answers when it breaks its own call's form ("invalid sequence as part
                    # of ToolUse"): one text's misfortune, no fault of the request.
                    if error.response["Error"].get("Code") != "ModelErrorException":
                        raise
                    return ToolCall(None, self._report(model, 0, 0))
                usage = answer["usage"]
                report = self._report(model, usage["inputTokens"], usage["outputTokens"])
                current.set_attribute("gen_ai.usage.input_tokens", report.input_tokens)
                current.set_attribute("gen_ai.usage.output_tokens", report.output_tokens)
        return ToolCall(_arguments(answer, tool), report)

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        family = family_of(model, self._dimension)
        most = family.texts_max
        parts = [texts[start : start + most] for start in range(0, len(texts), most)]
        with span("embeddings", {"gen_ai.request.model": model, "texts": len(texts)}):
            calls = [self._invoke(model, family.ask(part, role)) for part in parts]
            answers = await asyncio.gather(*calls)
        tokens = sum(
            tokens_of(answer, headers, part)
            for (answer, headers), part in zip(answers, parts, strict=True)
        )
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
        with span("rerank", {"gen_ai.request.model": model}), outages_of("bedrock"):
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

    def _report(self, model: str, input_tokens: int, output_tokens: int) -> ModelReport:
        cost = self._prices.cost(model, input_tokens, output_tokens)
        return ModelReport(model, input_tokens, output_tokens, cost)


def _forced(tool: Tool) -> dict[str, Any]:
    specification = {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": {"json": tool.schema},
    }
    return {
        "tools": [{"toolSpec": specification}],
        "toolChoice": {"tool": {"name": tool.name}},
    }


def _arguments(answer: dict[str, Any], tool: Tool) -> dict[str, Any] | None:
    for block in answer["output"]["message"]["content"]:
        use = block.get("toolUse", {})
        if use.get("name") == tool.name and isinstance(use.get("input"), dict):
            arguments: dict[str, Any] = use["input"]
            return arguments
    return None


@asynccontextmanager
async def open_model(settings: Settings) -> AsyncIterator[BedrockModel]:
    prices = PriceList(settings.prices)
    prices.check(settings.embedding_model)
    url = settings.bedrock_endpoint_url
    async with AsyncExitStack() as stack:
        clients = Clients(stack, settings)
        runtime, agents = [
            await clients.open(
                name, retries=INTERACTIVE, connections=EMBED_CONCURRENCY + 16, endpoint_url=url
            )
            for name in ("bedrock-runtime", "bedrock-agent-runtime")
        ]
        yield BedrockModel(
            runtime, agents, prices, settings.aws_region, settings.embedding_dimension
        )
