"""AWS on this machine: ministack, LocalStack or what runs already, with our resources in it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from compose.local.environment import ACCOUNT
from compose.local.layout import Layout
from compose.local.localstack.install import install
from compose.local.parts.localstack import localstack
from compose.local.parts.ministack import ministack
from compose.local.parts.part import Part
from compose.local.plan import LOCALSTACK, MINISTACK, Plan
from compose.local.provision import provision
from shared.settings import Settings


async def aws(layout: Layout, plan: Plan, run: Callable[[Part], Awaitable[None]]) -> None:
    """Ready means provisioned: so it is again after a crash of the emulator."""
    settings = Settings(
        aws_endpoint_url=plan.aws_url,
        aws_account=ACCOUNT,
        name_prefix=plan.name_prefix,
        aws_region=plan.region,
    )
    if plan.emulator not in (MINISTACK, LOCALSTACK):
        await provision(settings)
        return
    if plan.emulator == LOCALSTACK:
        await asyncio.to_thread(install)
        part = localstack(layout.emulator, plan.aws_port)
    else:
        part = ministack(layout, plan.aws_port)

    async def ready() -> bool:
        if not await part.ready():
            return False
        await provision(settings)
        return True

    await run(replace(part, ready=ready, waits_for=f"{part.waits_for}, then queues and topics"))
