"""The Rerank call of bedrock-agent-runtime."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from compose.local.bedrock.rerank import Reranker


class _Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class Text(_Shape):
    """A text in the shapes TextQuery and TextDocument."""

    text: str = Field(min_length=1, max_length=32_000)


class Query(_Shape):
    """RerankQuery."""

    type: Literal["TEXT"]
    text_query: Text


class InlineSource(_Shape):
    """RerankDocument; JSON documents are not understood here."""

    type: Literal["TEXT"]
    text_document: Text


class Source(_Shape):
    """RerankSource."""

    type: Literal["INLINE"]
    inline_document_source: InlineSource


class BedrockConfiguration(_Shape):
    """Any model ARN is taken: there is one local model."""

    number_of_results: int = Field(1000, ge=1, le=1000)


class Configuration(_Shape):
    """RerankingConfiguration."""

    type: Literal["BEDROCK_RERANKING_MODEL"]
    bedrock_reranking_configuration: BedrockConfiguration


class RerankRequest(_Shape):
    """The body of Rerank."""

    queries: list[Query] = Field(min_length=1, max_length=1)
    sources: list[Source] = Field(min_length=1, max_length=1000)
    reranking_configuration: Configuration


def rerank_routes(reranker: Reranker) -> APIRouter:
    """Results best first; a passage that was not scored in time is not among them."""
    router = APIRouter()

    @router.post("/rerank")
    async def rerank(request: RerankRequest) -> dict[str, Any]:
        texts = [source.inline_document_source.text_document.text for source in request.sources]
        scores = await reranker.scores(request.queries[0].text_query.text, texts)
        best = sorted(scores.items(), key=lambda item: -item[1])
        most = request.reranking_configuration.bedrock_reranking_configuration.number_of_results
        return {"results": [{"index": i, "relevanceScore": s} for i, s in best[:most]]}

    return router
