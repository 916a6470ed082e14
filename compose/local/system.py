"""The whole system as one context: `make run` and the end-to-end tests both use this.

Start: leftovers of a killed run are ended, then stores, emulator and Bedrock's stand-in come up
side by side, the AWS resources are made, then the five services, until `/readyz` says that all of
them answer over their queues. Stop, in reverse: the services drain while their stores still live.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from compose.local import refill
from compose.local.account import Account, require_same_models
from compose.local.environment import DUMMY_CREDENTIALS
from compose.local.errors import AlreadyRunning, PartFailed
from compose.local.fleet import Fleet, together
from compose.local.layout import Layout, write_private
from compose.local.minting import mint_token
from compose.local.owner import Owner
from compose.local.parts.aws import aws
from compose.local.parts.bedrock import bedrock
from compose.local.parts.postgres import postgres
from compose.local.parts.search_stores import search_stores
from compose.local.parts.services import (
    environment_of,
    model_credentials,
    services,
    shell_file,
)
from compose.local.parts.valkey import open_ledger, valkey
from compose.local.plan import EMBEDDED, MINISTACK, Plan
from compose.local.probes import answering_services
from compose.local.process_list import STAGES, ProcessList, alive, end, read_entries
from compose.local.progress import Progress, Silent
from contracts.topology import READY_QUEUES

_READY_S = 60.0
_PROBE_S = 0.1
_HOUSEKEEPING_S = 30.0


class System:
    """All processes of one state folder; port 0 means any free one."""

    def __init__(
        self,
        state: Path,
        *,
        port: int = 0,
        aws_port: int = 0,
        emulator: str = MINISTACK,
        name_prefix: str = "",
        stores: str = EMBEDDED,
        account: Account | None = None,
        progress: Progress | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """`extra` goes into every process's environment, after ours."""
        self.layout = Layout(state.resolve())
        self.progress = progress or Silent()
        self.fleet = Fleet(self.layout.logs, ProcessList(self.layout.processes), self.progress)
        self._wanted = (port, aws_port, emulator, name_prefix, stores, account)
        self._extra = dict(extra or {})
        self._housekeeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.layout.prepare()
        self._end_leftovers()
        self.plan = Plan.make(*self._wanted)
        require_same_models(self.layout, self.plan.account)
        Owner.here(self.plan.url).write(self.layout.run)
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    # -- what is there

    @property
    def url(self) -> str:
        return self.plan.url

    @property
    def token(self) -> str:
        return self.layout.token.read_text().strip()

    @property
    def link(self) -> str:
        """Opens the page with the token in the fragment, which browsers send to no server."""
        return f"{self.url}/#token={self.token}"

    def client(self, service: str) -> Any:
        """A boto3 client for the emulator: what an operator's AWS CLI would use."""
        create: Any = boto3.client  # its stub has one overload for each service there is
        return create(
            service,
            endpoint_url=self.plan.aws_url,
            region_name=self.plan.region,
            aws_access_key_id=DUMMY_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=DUMMY_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def log(self, name: str) -> Path:
        return self.fleet[name].log

    # -- faults

    async def kill(self, name: str) -> None:
        """Kill -9; it stays down until `restart`."""
        await self.fleet[name].hold()

    def crash(self, name: str) -> None:
        """Kill -9; it comes up again by itself, as after a real crash."""
        self.fleet[name].crash()

    async def restart(self, name: str) -> None:
        """Stops it well if it is up, and returns when it is ready again."""
        await self.fleet.stop([name])
        await self.fleet[name].start()

    async def ready(self) -> None:
        """Returns when all five services answer over their queues."""
        deadline = time.monotonic() + _READY_S
        for name in READY_QUEUES:
            self.progress.begin(name, "an answer over its queue")
        waiting = set(READY_QUEUES)
        while waiting:
            answering = waiting & await answering_services(self.url)
            for name in answering:
                self.progress.end(name)
            waiting -= answering
            self.fleet.check()
            if time.monotonic() > deadline:
                raise PartFailed(
                    f"No answer within {_READY_S:.0f} s from {', '.join(sorted(waiting))}. "
                    f"The logs are in {self.layout.logs}"
                )
            await asyncio.sleep(_PROBE_S)

    # -- start and stop

    def _end_leftovers(self) -> None:
        owner = Owner.read(self.layout.run)
        if owner is not None and owner.process() is not None:
            raise AlreadyRunning(
                f"It runs already: {owner.url} (process {owner.pid}). To end it: make stop"
            )
        left = alive(read_entries(self.layout.processes))
        if left:
            self.progress.say("Ending what a killed run left: " + ", ".join(e.name for e in left))
            end(left)

    async def _start(self) -> None:
        environment = environment_of(self.plan, self.layout) | self._extra
        write_private(self.layout.env, shell_file(environment, self.plan))
        secrets = self.layout.secrets()
        write_private(self.layout.token, mint_token(secrets.token_secret) + "\n")
        async with together() as group:
            if self.plan.account is None:
                part = bedrock(self.layout, self.plan.bedrock_port, environment)
                group.create_task(self.fleet.run(part))
            await self._start_stores(environment)
            for part in services(self.plan, environment):
                group.create_task(self.fleet.run(part))
        await self.ready()
        self._housekeeping = asyncio.create_task(self._keep_house())

    async def _start_stores(self, environment: Mapping[str, str]) -> None:
        secrets, plan = self.layout.secrets(), self.plan
        if lags := refill.lags(self.layout, plan.stores):
            refill.empty(self.layout, plan.stores)
        async with together() as group:
            group.create_task(aws(self.layout, plan, self.fleet.run))
            group.create_task(
                self.fleet.run(valkey(self.layout, plan.valkey_port, secrets.valkey_password))
            )
            group.create_task(self._start_search_stores())
            database = postgres(self.layout, plan.postgres_port, secrets.postgres_password)
            await self.fleet.run(await database)
        if not self.layout.ledger_opened.exists():
            await open_ledger(plan.valkey_port, secrets.valkey_password)
            self.layout.ledger_opened.touch()
        if lags:
            await refill.fill(self.layout, environment, model_credentials(plan), self.progress)
        self.layout.stores.write_text(plan.stores)

    async def _start_search_stores(self) -> None:
        async with together() as group:
            for part in await search_stores(self.layout, self.plan):
                group.create_task(self.fleet.run(part))

    async def _stop(self) -> None:
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        for names in STAGES:
            await self.fleet.stop(names)
        with suppress(FileNotFoundError):
            self.layout.run.unlink()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_S)
            self.fleet.rotate_logs()
