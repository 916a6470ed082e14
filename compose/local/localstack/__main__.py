"""`python -m compose.local.localstack`: install, start and stop LocalStack by hand."""

import argparse
import asyncio
import subprocess
import sys

from compose.local.environment import child_environment
from compose.local.errors import LocalError
from compose.local.localstack.install import HOME, install
from compose.local.logs import tail
from compose.local.parts.localstack import localstack
from compose.local.parts.part import Part
from compose.local.ports import HOST, require_free
from compose.local.process_list import Entry, ProcessList, alive, end, read_entries

_PROCESSES = HOME / "processes.json"
_LOG = HOME / "localstack.log"
_START_S = 90.0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m compose.local.localstack", description=__doc__)
    verbs = made.add_subparsers(dest="verb", required=True)
    verbs.add_parser("setup", help="install it under .venv-localstack (needs mvn and a JDK)")
    start = verbs.add_parser("start", help="start it in the background and wait until it answers")
    start.add_argument("--port", type=int, default=4571, help="default 4571")
    verbs.add_parser("stop", help="stop it")
    return made


def _start(port: int) -> None:
    install()
    if alive(read_entries(_PROCESSES)):
        raise LocalError("LocalStack runs already: python -m compose.local.localstack stop")
    require_free(port, "--port")
    part = localstack(HOME / "state", port)
    process = _spawn(part)
    ProcessList(_PROCESSES).add(Entry.of(part.name, process.pid))
    asyncio.run(_until_ready(part, process))
    print(f"http://{HOST}:{port}")


def _spawn(part: Part) -> "subprocess.Popen[bytes]":
    """In a session of its own: it outlives this command."""
    with _LOG.open("wb") as output:
        return subprocess.Popen(
            part.argv,
            env=child_environment(part.env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


async def _until_ready(part: Part, process: "subprocess.Popen[bytes]") -> None:
    async with asyncio.timeout(_START_S):
        while not await part.ready():
            if process.poll() is not None:
                raise LocalError(f"LocalStack ended with {process.returncode}:\n{tail(_LOG)}")
            await asyncio.sleep(0.1)


def main() -> int:
    asked = parser().parse_args()
    try:
        if asked.verb == "setup":
            install()
        elif asked.verb == "start":
            _start(asked.port)
        else:
            end(read_entries(_PROCESSES), grace_s=30.0)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
