"""Real servers for tests: started once a session, or skipped where Maven or a JDK is missing."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from compose.local.errors import LocalError
from compose.local.parts.part import Part
from compose.local.ports import free_ports
from compose.local.real.background import running
from compose.local.real.neo4j.node import neo4j
from compose.local.real.neo4j.node import url as neo4j_url
from compose.local.real.opensearch.node import opensearch
from compose.local.real.opensearch.node import url as opensearch_url

REQUIRED = os.environ.get("RAGOPS_REQUIRE_REAL") == "1"


def real_opensearch(folder: Path) -> Iterator[str]:
    return _served("RAGOPS_TEST_OPENSEARCH_URL", opensearch, opensearch_url, folder)


def real_neo4j(folder: Path) -> Iterator[str]:
    return _served("RAGOPS_TEST_NEO4J_URL", neo4j, neo4j_url, folder)


def _served(
    variable: str, part: Callable[[Path, int], Part], url: Callable[[int], str], folder: Path
) -> Iterator[str]:
    """`variable` names a server that runs already, for those who run one test again and again."""
    if given := os.environ.get(variable):
        yield given
        return
    (port,) = free_ports(1)
    with or_skip():
        made = part(folder, port)
    with running(made, folder / "console.log"):
        yield url(port)


@contextmanager
def or_skip() -> Iterator[None]:
    """What cannot be installed here is a skip, and a failure where it must be there (CI)."""
    try:
        yield
    except LocalError as error:
        if REQUIRED:
            raise
        pytest.skip(f"{error} (RAGOPS_REQUIRE_REAL=1 makes this a failure)")
