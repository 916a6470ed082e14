"""`python -m compose.local.real`: install, start and stop a real OpenSearch or Neo4j by hand."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from compose.local.errors import LocalError
from compose.local.parts.part import Part
from compose.local.ports import require_free
from compose.local.process_list import ProcessList, alive, end, read_entries
from compose.local.real import background
from compose.local.real.installing import SERVERS
from compose.local.real.neo4j import install as neo4j_install
from compose.local.real.neo4j import node as neo4j_node
from compose.local.real.opensearch import install as opensearch_install
from compose.local.real.opensearch import node as opensearch_node


@dataclass(frozen=True)
class Server:
    """How one server is fetched and run; `port` is its usual one."""

    install: Callable[[], Path]
    part: Callable[[Path, int], Part]
    url: Callable[[int], str]
    port: int


_SERVERS = {
    "opensearch": Server(
        opensearch_install.install, opensearch_node.opensearch, opensearch_node.url, 9200
    ),
    "neo4j": Server(neo4j_install.install, neo4j_node.neo4j, neo4j_node.url, 7687),
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m compose.local.real", description=__doc__)
    verbs = made.add_subparsers(dest="verb", required=True)
    setup = verbs.add_parser("setup", help="fetch it into .servers (needs mvn and a JDK)")
    start = verbs.add_parser("start", help="start it in the background, wait, print its URL")
    start.add_argument("--port", type=int, help="default: 9200 for opensearch, 7687 for neo4j")
    stop = verbs.add_parser("stop", help="stop it; its data stays")
    for verb in (setup, start, stop):
        verb.add_argument("server", choices=sorted(_SERVERS))
    return made


def main() -> int:
    asked = parser().parse_args()
    name, server = asked.server, _SERVERS[asked.server]
    try:
        if asked.verb == "setup":
            print(server.install())
        elif asked.verb == "start":
            print(_start(name, server, asked.port or server.port))
        else:
            end(read_entries(_process_list(name)), grace_s=30.0)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _start(name: str, server: Server, port: int) -> str:
    if alive(read_entries(_process_list(name))):
        raise LocalError(f"It runs already: python -m compose.local.real stop {name}")
    require_free(port, "--port")
    state = SERVERS / "state" / name
    part = server.part(state, port)
    ProcessList(_process_list(name)).add(background.start(part, state / "console.log"))
    return server.url(port)


def _process_list(name: str) -> Path:
    return SERVERS / f"{name}.processes.json"


if __name__ == "__main__":
    raise SystemExit(main())
