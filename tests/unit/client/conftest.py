"""No test here waits for a second to pass."""

import pytest

from shared.client import waiting
from shared.client.evaluate import tenancy


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_ONE_EVERY_S", 0.001)
    monkeypatch.setattr(waiting, "_LIST_EVERY_S", 0.001)
    monkeypatch.setattr(tenancy, "_CLEAN_EVERY_S", 0.001)
