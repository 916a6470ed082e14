"""One PostgreSQL for these tests; each gets a database of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.ingestion.store.database import open_database
from tests.integration.disorder.town import Town, open_town
from tests.integration.ingestion.conftest import database_url, server

__all__ = ["database_url", "server"]


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with open_database(database_url) as database, open_town(database, tmp_path) as opened:
        yield opened
