"""What holds for every test: dummy credentials, no proxy, no region of the machine's own."""

import gc
import logging
import os
from collections.abc import Iterator

import pytest

os.environ.update(
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
)
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Commands that a test runs in this process set the level of all logs, for good."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture(autouse=True, scope="module")
def short_collections() -> Iterator[None]:
    """What is left of a file of tests is collected no more: a full collection of the whole run
    stops all that runs in this process for seconds."""
    yield
    gc.collect()
    gc.freeze()
