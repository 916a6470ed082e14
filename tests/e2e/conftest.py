"""The system as it runs on a machine: five processes, spoken to over HTTP and queues only."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from compose.local.minting import mint_token
from compose.local.plan import MINISTACK
from compose.local.system import System
from shared.testing.emulator import own_prefix
from tests.e2e.person import Person

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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory, emulator: str) -> AsyncIterator[System]:
    """One for the whole session; a test that breaks a process puts it right again."""
    async with System(tmp_path_factory.mktemp("system"), emulator=emulator) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def person(system: System) -> AsyncIterator[Person]:
    """Someone in a tenant of their own: no test sees another's documents."""
    tenant = own_prefix() + "tenant"
    token = mint_token(system.layout.secrets().token_secret, tenant, "ann")
    async with Person.at(system.url, token, tenant) as made:
        yield made
