"""Serve the stand-in: python -m compose.local.bedrock --port P --state DIR."""

import argparse
from pathlib import Path

import uvicorn

from compose.local.bedrock.app import create_app
from compose.local.bedrock.settings import Settings


def main() -> None:
    """Serve until SIGTERM; /healthz answers once the model is loaded."""
    parser = argparse.ArgumentParser(prog="bedrock")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder for graph and cache")
    arguments = parser.parse_args()
    uvicorn.run(
        create_app(Settings(state=arguments.state)),
        host=arguments.host,
        port=arguments.port,
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
