"""One emulator for all integration tests; every test has a name prefix of its own."""

from collections.abc import Iterator

import pytest

from shared.testing.emulator import moto_server


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with moto_server() as url:
        yield url
