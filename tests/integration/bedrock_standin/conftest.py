"""The stand-in, alone and in front of a language model."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bedrock_standin.process import served


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bedrock")


@pytest.fixture(scope="session")
def extractive_url(state: Path) -> Iterator[str]:
    """The stand-in with no language model."""
    with served(state, RAGOPS_LLM_URL="") as url:
        yield url


class Upstream(BaseHTTPRequestHandler):
    """Counts to three, calls the tool it is offered, or is too busy when asked to fail."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = body["messages"][-1]["content"]
        self.send_response(429 if asked == "fail" else 200)
        self.end_headers()
        if "tools" in body:
            self.wfile.write(json.dumps(_call_of(body)).encode())
            return
        words = ["one ", "two ", "three"] if asked != "break" else ["one "]
        for word in words:
            self._send({"choices": [{"delta": {"content": word}}]})
        if asked == "break":
            self._send({"error": {"message": "out of memory"}})
        self._send({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}})

    def _send(self, part: dict[str, object]) -> None:
        self.wfile.write(f"data: {json.dumps(part)}\n\n".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _call_of(body: dict[str, Any]) -> dict[str, object]:
    """The chosen tool called with the words of the question, or with what is no JSON."""
    asked = body["messages"][-1]["content"]
    arguments = "{" if asked == "break" else json.dumps({"words": asked.split()})
    function = {"name": body["tool_choice"]["function"]["name"], "arguments": arguments}
    message = {"tool_calls": [{"id": "c1", "type": "function", "function": function}]}
    usage = {"prompt_tokens": 5, "completion_tokens": 3}
    return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}


@pytest.fixture(scope="session")
def llm_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The stand-in in front of a language model."""
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    thread = threading.Thread(target=upstream.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{upstream.server_port}/v1"
    state = tmp_path_factory.mktemp("bedrock-llm")
    with served(state, RAGOPS_LLM_URL=address, RAGOPS_LLM_MODEL="counter") as url:
        yield url
    upstream.shutdown()
    thread.join()
    upstream.server_close()
