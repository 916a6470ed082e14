"""An emulator of its own for a measurement, as `make run` starts it."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from compose.local.fleet import Fleet
from compose.local.layout import Layout
from compose.local.parts.aws import aws
from compose.local.plan import MINISTACK, Plan
from compose.local.process_list import ProcessList
from compose.local.progress import Silent
from shared.settings import Settings


@asynccontextmanager
async def emulator() -> AsyncIterator[Settings]:
    """Settings that point to a provisioned ministack."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        layout = Layout(Path(folder))
        layout.prepare()
        plan = Plan.make(0, 0, MINISTACK)
        fleet = Fleet(layout.logs, ProcessList(layout.processes), Silent())
        try:
            await aws(layout, plan, fleet.run)
            yield Settings(aws_endpoint_url=plan.aws_url, poll_wait_s=1)
        finally:
            await fleet.stop(["aws"])
