"""aiobotocore clients as this system wants them."""

from contextlib import AsyncExitStack
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from shared.settings import Settings

INTERACTIVE = {"max_attempts": 1, "mode": "standard"}
USER_AGENT = "ragops"
PATIENT = {"max_attempts": 4, "mode": "standard"}


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
