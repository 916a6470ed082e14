"""The system as it runs on a machine: five processes, spoken to over HTTP and queues only."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from compose.local.minting import mint_token
from compose.local.plan import MINISTACK, REAL
from compose.local.system import System
from shared.testing.emulator import own_prefix
from tests.e2e.collector import Collector, collecting
from tests.e2e.person import Person
from tests.integration.retrieval.real_servers import or_skip

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these tests share the loop that supervises the processes."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def emulator() -> str:
    """`ministack`, `localstack`, or the URL of one that runs."""
    return os.environ.get("RAGOPS_E2E_EMULATOR", MINISTACK)


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where `system` sends its traces."""
    with collecting() as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(
    tmp_path_factory: pytest.TempPathFactory, emulator: str, collector: Collector
) -> AsyncIterator[System]:
    """One for the whole session; a test that breaks a process puts it right again."""
    extra = {"RAGOPS_OTLP_URL": collector.url, "RAGOPS_ERASURE_CHECK_S": "1"}
    extra["RAGOPS_MODEL_FAULTS"] = "1"
    state = tmp_path_factory.mktemp("system")
    async with System(state, emulator=emulator, extra=extra) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def keeping_system(
    tmp_path_factory: pytest.TempPathFactory, emulator: str, system: System
) -> AsyncIterator[System]:
    """One whose emulator may be restarted: LocalStack would forget everything."""
    if emulator == MINISTACK:
        yield system
        return
    async with System(tmp_path_factory.mktemp("keeping")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def real_system(
    tmp_path_factory: pytest.TempPathFactory, emulator: str
) -> AsyncIterator[System]:
    """The same on OpenSearch and Neo4j servers, as with `make run STORES=real`."""
    with or_skip():
        system = System(tmp_path_factory.mktemp("real"), emulator=emulator, stores=REAL)
        await system.__aenter__()
    try:
        yield system
    finally:
        await system.__aexit__(None, None, None)


@pytest.fixture(params=["system", pytest.param("real_system", marks=pytest.mark.real)])
def either(request: pytest.FixtureRequest) -> System:
    """What must be the same on the embedded stores and on the real ones."""
    made: System = request.getfixturevalue(request.param)
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def someone(either: System) -> AsyncIterator[Person]:
    """A person of that system, in a tenant of their own."""
    async with in_own_tenant(either) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def person(system: System) -> AsyncIterator[Person]:
    """Someone in a tenant of their own: no test sees another's documents."""
    async with in_own_tenant(system) as made:
        yield made


@asynccontextmanager
async def in_own_tenant(system: System) -> AsyncIterator[Person]:
    tenant = own_prefix() + "tenant"
    token = mint_token(system.layout.secrets().token_secret, tenant, "ann")
    async with Person.at(system.url, token, tenant) as made:
        yield made
