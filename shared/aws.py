"""aiobotocore clients as this system wants them, and who we are in AWS."""

import asyncio
import json
import os
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from shared.errors import CannotStart, described
from shared.settings import Settings

INTERACTIVE = {"max_attempts": 1, "mode": "standard"}
USER_AGENT = "ragops"
PATIENT = {"max_attempts": 4, "mode": "standard"}
# What the ECS agent sets for every container: the address of the task's metadata, version 4.
_METADATA = "ECS_CONTAINER_METADATA_URI_V4"
_METADATA_S = 2.0


class Clients:
    """Opens clients of one session; the stack closes them."""

    def __init__(self, stack: AsyncExitStack, settings: Settings) -> None:
        self._stack = stack
        self._settings = settings
        self._session = get_session()

    async def open(
        self,
        service: str,
        *,
        retries: dict[str, Any] | None = None,
        read_timeout_s: float = 60,
        connections: int = 32,
        endpoint_url: str | None = None,
    ) -> Any:
        """A started client; Bedrock's endpoint differs from the others' on one machine."""
        config = AioConfig(
            retries=retries or PATIENT,
            read_timeout=read_timeout_s,
            connect_timeout=5,
            max_pool_connections=connections,
            s3={"addressing_style": "path"},
            parameter_validation=False,
            # Else botocore builds its long description of this machine twice for every call.
            user_agent=USER_AGENT,
        )
        client = self._session.create_client(
            service,
            region_name=self._settings.aws_region,
            endpoint_url=endpoint_url or self._settings.endpoint_of(service),
            config=config,
        )
        return await self._stack.enter_async_context(client)


async def account_of(settings: Settings) -> str:
    """The account's 12 digits: as set, else of the task's metadata, else of STS.

    Raises CannotStart.
    """
    if settings.aws_account is not None:
        return settings.aws_account
    try:
        if address := os.environ.get(_METADATA):
            return await asyncio.to_thread(_account_of_task, address)
        async with AsyncExitStack() as stack:
            sts = await Clients(stack, settings).open("sts", read_timeout_s=10)
            return str((await sts.get_caller_identity())["Account"])
    except (BotoCoreError, ClientError, OSError, ValueError, KeyError, IndexError) as error:
        raise CannotStart(
            f"The AWS account cannot be found out ({described(error)}): set RAGOPS_AWS_ACCOUNT to "
            "its 12 digits, or give the service AWS credentials and a way to STS."
        ) from error


def _account_of_task(address: str) -> str:
    """The task's ARN is arn:aws:ecs:REGION:ACCOUNT:task/…"""
    with urllib.request.urlopen(f"{address}/task", timeout=_METADATA_S) as answer:  # noqa: S310
        return str(json.load(answer)["TaskARN"]).split(":")[4]


def task_credentials() -> Any:
    """Botocore's own, for a client that signs by itself; they renew themselves.

    Raises CannotStart.
    """
    found = Session().get_credentials()
    if found is None:
        raise CannotStart(
            "There are no AWS credentials to sign with: give the task a role, or set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return found


async def database_tokens(
    stack: AsyncExitStack, settings: Settings, host: str, port: int, user: str
) -> Callable[[], Awaitable[str]]:
    """Makes a password for RDS at each call, which opens connections for 15 minutes."""
    rds = await Clients(stack, settings).open("rds")

    async def token() -> str:
        return str(await rds.generate_db_auth_token(host, port, user, settings.aws_region))

    return token
