"""Writes contracts/gateway/openapi.json: `python -m services.gateway.openapi [--check]`."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

import contracts.gateway
from services.gateway.bootstrap import bootstrap
from services.gateway.settings import SECRET_MIN_BYTES, GatewaySettings
from shared.messaging import Bus

FILE = Path(contracts.gateway.__file__).with_name("openapi.json")
COMMAND = "python -m services.gateway.openapi"


async def described() -> str:
    """The HTTP interface as OpenAPI, as the gateway serves it at /openapi.json."""
    settings = GatewaySettings(port=0, token_secret=SecretStr("-" * SECRET_MIN_BYTES))
    # Nothing is called, so nothing is opened.
    bus, nobody = Bus(settings, None, None, None), cast(Any, object())
    async with bootstrap(settings, bus=bus, model=nobody, blobs=nobody) as service:
        return json.dumps(service.app.openapi(), indent=2, sort_keys=True) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="only tell whether it is up to date")
    given = parser.parse_args(arguments)
    now = asyncio.run(described())
    if not given.check:
        FILE.write_text(now)
        return 0
    if FILE.exists() and FILE.read_text() == now:
        return 0
    sys.stderr.write(f"{FILE.name} differs from the routes. Run: {COMMAND}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
