"""The stand-in wired together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from compose.local.bedrock.chat import Answerer
from compose.local.bedrock.converse import converse_routes
from compose.local.bedrock.customizing.book import Book
from compose.local.bedrock.customizing.events import Announcing
from compose.local.bedrock.customizing.files import SetFiles
from compose.local.bedrock.customizing.jobs import Customizing
from compose.local.bedrock.customizing.routes import customizing_routes
from compose.local.bedrock.customizing.sagemaker import SageMaker
from compose.local.bedrock.customizing.sagemaker_routes import sagemaker_routes
from compose.local.bedrock.encoder import Encoder
from compose.local.bedrock.errors import (
    BedrockError,
    NotFoundError,
    ValidationError,
    error_response,
)
from compose.local.bedrock.extractive import ExtractiveAnswerer
from compose.local.bedrock.faults import FaultyAnswerer
from compose.local.bedrock.graph import ready_graph
from compose.local.bedrock.invoke import InvokeModel
from compose.local.bedrock.lane import Lane
from compose.local.bedrock.openai_chat import OpenAIAnswerer
from compose.local.bedrock.passages import Passages
from compose.local.bedrock.rerank import Reranker
from compose.local.bedrock.rerank_routes import rerank_routes
from compose.local.bedrock.ring import Ring
from compose.local.bedrock.settings import Settings
from compose.local.environment import ACCOUNT
from contracts.topology import TRAINING_EVENTS
from shared.aws import Clients
from shared.settings import Settings as AwsSettings

LLM_TIMEOUT = httpx.Timeout(120, connect=5)


def create_app(settings: Settings) -> FastAPI:
    """The app; the model is loaded and the routes are added when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await _wire(app, settings, stack)
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.add_exception_handler(BedrockError, _bedrock_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)
    app.add_exception_handler(404, _not_found)
    app.add_exception_handler(405, _not_found)
    return app


async def _wire(app: FastAPI, settings: Settings, stack: AsyncExitStack) -> None:
    graph = await asyncio.to_thread(ready_graph, settings.state, settings.embed_int8)
    encoder = Encoder(graph, settings.embed_tokens, 1, settings.embed_batch_tokens)
    interactive = Lane(encoder, settings.embed_queue)
    answers = Lane(encoder, settings.embed_queue, nice=10)
    bulk = Lane(encoder, settings.embed_queue, settings.embed_workers, nice=10)
    passages = Passages(Ring(_ring_folder(settings, graph), settings.rerank_cache_bytes))
    for close in (passages.close, interactive.close, answers.close, bulk.close):
        stack.callback(close)
    answerer = await _answerer(settings, stack, ExtractiveAnswerer(interactive, answers, passages))
    if settings.model_faults:
        answerer = FaultyAnswerer(answerer)
    invoke = InvokeModel(interactive, bulk, passages)
    app.add_route("/model/{model_id:path}/invoke", invoke.handle, methods=["POST"])
    customizing, sagemaker = await _customizing(settings, stack)
    app.include_router(converse_routes(answerer, customizing.check_served))
    app.include_router(customizing_routes(customizing))
    app.include_router(sagemaker_routes(sagemaker))
    reranker = Reranker(interactive, passages, settings.rerank_budget_ms)
    app.include_router(rerank_routes(reranker))
    app.add_api_route("/healthz", _healthy, methods=["GET"])


async def _customizing(settings: Settings, stack: AsyncExitStack) -> tuple[Customizing, SageMaker]:
    """Their files and events go through the AWS that the services use."""
    aws = AwsSettings()
    clients = Clients(stack, aws)
    files = SetFiles(await clients.open("s3"))
    events = Announcing(await clients.open("sqs"), aws.resource(TRAINING_EVENTS))
    book = Book(settings.state / "customizing.json")
    place = f"{aws.aws_region}:{aws.aws_account or ACCOUNT}"
    pace = partial(asyncio.sleep, settings.training_phase_s)
    told = (pace, place, settings.model_faults)
    made = Customizing(book, files, events.tell, *told), SageMaker(book, files, events.send, *told)
    for one in made:
        stack.push_async_callback(one.close)
        one.resume()
    return made


def _ring_folder(settings: Settings, graph: Path) -> Path:
    """Vectors of another graph or another length must not be mixed in."""
    return settings.state / f"tokens-{graph.stem}-{settings.embed_tokens}"


async def _answerer(
    settings: Settings, stack: AsyncExitStack, extractive: ExtractiveAnswerer
) -> Answerer:
    if not settings.llm_url:
        return extractive
    headers = {"Authorization": f"Bearer {settings.llm_api_key}"} if settings.llm_api_key else {}
    client = httpx.AsyncClient(base_url=settings.llm_url, headers=headers, timeout=LLM_TIMEOUT)
    return OpenAIAnswerer(await stack.enter_async_context(client), settings.llm_model)


async def _healthy() -> dict[str, str]:
    return {"status": "ok"}


async def _bedrock_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BedrockError)
    return error_response(error)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors()]
    return error_response(ValidationError("; ".join(faults)))


async def _not_found(request: Request, _error: Exception) -> JSONResponse:
    text = f"{request.method} {request.url.path} is not served by the Bedrock stand-in."
    return error_response(NotFoundError(text))


async def _unexpected(_request: Request, error: Exception) -> JSONResponse:
    return error_response(
        BedrockError(f"The stand-in failed ({type(error).__name__}): see its log.")
    )
