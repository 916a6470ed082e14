"""BEDROCK=aws: a person's credentials reach Bedrock's address and leave no trace elsewhere.

There is no account here: a stand-in records who called which model. It embeds, no more.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import unquote

from compose.local.account import Account
from compose.local.system import System
from contracts.topology import TURNS_TABLE
from tests.e2e.person import Person

KEY, SECRET, SESSION = "AKIAPERSONSOWNKEY", "the-persons-secret-key", "the-persons-session-token"
REGION = "eu-west-1"
DIMENSION = 1024


class Recorder(BaseHTTPRequestHandler):
    """Bedrock's runtime: vectors for Titan, an error for everything else."""

    protocol_version = "HTTP/1.1"
    calls: ClassVar[list[tuple[str, str]]] = []

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        text = json.loads(self.rfile.read(size)).get("inputText", "")
        self.calls.append((unquote(self.path), self.headers["Authorization"]))
        embeds = "titan-embed" in self.path
        vector = [float(1 + len(text) % 7)] + [1.0] * (DIMENSION - 1)
        answer = {"embedding": vector, "inputTextTokenCount": 1} if embeds else {"message": "no"}
        body = json.dumps(answer).encode()
        self.send_response(200 if embeds else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the calls are what is looked at."""


@contextmanager
def recorder() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


async def test_a_persons_credentials_reach_bedrock_and_nothing_else(tmp_path: Path) -> None:
    Recorder.calls.clear()
    with recorder() as url:
        account = Account(
            REGION,
            {
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_SESSION_TOKEN": SESSION,
                "AWS_REGION": REGION,
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
                "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME": url,
            },
        )
        async with (
            System(tmp_path / "state", account=account) as system,
            Person.at(system.url, system.token, "demo") as me,
        ):
            assert "bedrock" not in system.fleet.pids()
            document_id = await me.upload("pump.txt", b"The pump runs at noon.")
            assert (await me.until_final(document_id))["status"] == "ready"
            await me.ask("When does the pump run?")
            dynamodb = system.client("dynamodb")
            assert dynamodb.describe_table(TableName=TURNS_TABLE)["Table"]["TableStatus"]
            dynamodb.close()
            models = {re.sub("/model/(.*)/.*", r"\1", path) for path, _ in Recorder.calls}
            signed = {header for _, header in Recorder.calls}
            kept = [path for path in system.layout.root.rglob("*") if path.is_file()]
    assert {"amazon.titan-embed-text-v2:0", "amazon.nova-lite-v1:0"} <= models
    assert all(f"Credential={KEY}/" in header and f"/{REGION}/" in header for header in signed)
    for path in kept:
        if path.exists():
            content = path.read_bytes()
            assert not any(word.encode() in content for word in (KEY, SECRET, SESSION)), path
