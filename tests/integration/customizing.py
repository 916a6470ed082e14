"""The stand-in's customization alone, without its models, in the test's own loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from compose.local.bedrock.app import _bedrock_error
from compose.local.bedrock.customizing.book import Book
from compose.local.bedrock.customizing.events import Announcing
from compose.local.bedrock.customizing.files import SetFiles
from compose.local.bedrock.customizing.jobs import Customizing
from compose.local.bedrock.customizing.routes import customizing_routes
from compose.local.bedrock.customizing.sagemaker import SageMaker
from compose.local.bedrock.customizing.sagemaker_routes import sagemaker_routes
from compose.local.bedrock.errors import BedrockError
from shared.aws import Clients
from shared.settings import Settings
from shared.testing.emulator import MOTO_ACCOUNT
from shared.testing.probe import until


@dataclass
class Gate:
    """The pace of all jobs: each phase waits until the test lets it pass; open by default."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> None:
        await self.opened.wait()


@dataclass
class Provider:
    """Where it listens, and its inside."""

    url: str
    customizing: Customizing
    sagemaker: SageMaker
    gate: Gate


@asynccontextmanager
async def provider(settings: Settings, state: Path, queue: str) -> AsyncIterator[Provider]:
    """`settings` are those of the AWS in which sets lie; events go to `queue`."""
    async with AsyncExitStack() as stack:
        clients = Clients(stack, settings)
        files, sqs = SetFiles(await clients.open("s3")), await clients.open("sqs")
        gate = Gate()
        gate.opened.set()
        announcing = Announcing(sqs, settings.resource(queue))
        place = f"us-east-1:{MOTO_ACCOUNT}"
        book = Book(state / "book.json")
        customizing = Customizing(book, files, announcing.tell, gate, place, faults=True)
        stack.push_async_callback(customizing.close)
        sagemaker = SageMaker(book, files, announcing.send, gate, place, faults=True)
        stack.push_async_callback(sagemaker.close)
        app = FastAPI()
        app.include_router(customizing_routes(customizing))
        app.include_router(sagemaker_routes(sagemaker))
        app.add_exception_handler(BedrockError, _bedrock_error)
        server = uvicorn.Server(
            uvicorn.Config(app, port=0, log_level="warning", lifespan="off", access_log=False)
        )
        serving = asyncio.create_task(server._serve())  # its own signals are the tests' business
        await until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield Provider(f"http://127.0.0.1:{port}", customizing, sagemaker, gate)
        finally:
            server.should_exit = True
            await serving
