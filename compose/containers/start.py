"""`python -m compose.containers.start`: what compose.yaml needs once its containers run.

Makes queues, topics, buckets and tables, opens the ledger of a new system, waits until all five
services answer, and prints the link. Running it again changes nothing.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable

from botocore.exceptions import BotoCoreError, ClientError

from compose.local.errors import LocalError
from compose.local.minting import mint_token
from compose.local.parts.valkey import open_ledger
from compose.local.probes import answering_services
from compose.local.provision import provision
from contracts.topology import READY_QUEUES
from shared.settings import Settings

_WITHIN_S = 180.0
_LOOK_S = 1.0
# Of a server that does not listen yet.
_AWAY = (OSError, TimeoutError, BotoCoreError, ClientError, LocalError, IndexError)


async def start(redis: str, password: str, gateway: str) -> None:
    """Raises LocalError when something is still away after three minutes."""
    host, _, port = redis.rpartition(":")
    await _tried("the AWS emulator", lambda: provision(Settings()))
    await _tried("Redis", lambda: open_ledger(int(port), password, host))
    await _tried("the services", lambda: _all_answer(gateway))


async def _all_answer(gateway: str) -> None:
    missing = READY_QUEUES.keys() - await answering_services(gateway)
    if missing:
        raise LocalError(f"no answer from {', '.join(sorted(missing))}")


async def _tried(what: str, step: Callable[[], Awaitable[None]]) -> None:
    deadline = time.monotonic() + _WITHIN_S
    print(f"Waiting for {what}", flush=True)
    while True:
        try:
            await step()
        except _AWAY as error:
            if time.monotonic() > deadline:
                raise LocalError(f"{what}: not ready after {_WITHIN_S:.0f} s ({error})") from error
        else:
            return
        await asyncio.sleep(_LOOK_S)


def main() -> int:
    told = os.environ
    try:
        password = told["RAGOPS_REDIS_PASSWORD"]
        asyncio.run(start(told["START_REDIS"], password, told["START_GATEWAY"]))
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    token = mint_token(told["RAGOPS_TOKEN_SECRET"])
    print(f"Open {told['START_LINK']}/#token={token}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
