"""Who we are in AWS: as set, else of the task's metadata, else of STS."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from shared.aws import account_of
from shared.errors import CannotStart
from shared.messaging import open_bus
from shared.settings import Settings
from shared.testing.emulator import MOTO_ACCOUNT

METADATA = "ECS_CONTAINER_METADATA_URI_V4"
OTHER = "210987654321"


class _Agent(BaseHTTPRequestHandler):
    """What the ECS agent answers of a task, as far as it matters here."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/v4/abc/task" else 404)
        self.end_headers()
        arn = f"arn:aws:ecs:us-east-1:{OTHER}:task/ragops/0123"
        self.wfile.write(f'{{"Cluster": "ragops", "TaskARN": "{arn}"}}'.encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def agent() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Agent)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v4/abc"
    server.shutdown()
    server.server_close()


async def test_what_is_set_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(METADATA, "http://127.0.0.1:1/v4")
    assert await account_of(Settings(aws_account=OTHER)) == OTHER


async def test_a_task_knows_its_account_from_its_metadata(
    monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    monkeypatch.setenv(METADATA, agent)
    async with open_bus(Settings()) as bus:
        assert bus.topic_arn("turns") == f"arn:aws:sns:us-east-1:{OTHER}:turns"


async def test_outside_of_ecs_sts_is_asked(moto_url: str) -> None:
    async with open_bus(Settings(aws_endpoint_url=moto_url)) as bus:
        assert bus.topic_arn("turns") == f"arn:aws:sns:us-east-1:{MOTO_ACCOUNT}:turns"


async def test_when_nobody_tells_it_the_service_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    with pytest.raises(CannotStart, match="set RAGOPS_AWS_ACCOUNT to its 12 digits"):
        await account_of(Settings(aws_endpoint_url="http://127.0.0.1:1"))
    monkeypatch.setenv(METADATA, f"{agent}/wrong")
    with pytest.raises(CannotStart, match="set RAGOPS_AWS_ACCOUNT"):
        await account_of(Settings())
