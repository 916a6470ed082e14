"""Redis with users and TLS, as ElastiCache has them: who may come in, and whose word is trusted."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from services.gateway.store.connection import Login, connected, ping
from shared.errors import Unavailable
from tests.integration.tls import Authority, tls_before

USER, PASSWORD = "gateway", "pa ss/wörd@"


async def acl(redis: Any, *words: str) -> Any:
    """Redis' command of that name."""
    return await redis.execute_command("ACL", *words)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest_asyncio.fixture
async def url(redis: Redis, redis_url: str, authority: Authority) -> AsyncIterator[str]:
    """`rediss://` before the session's server, which knows one user more for the time of a test."""
    await acl(redis, "SETUSER", USER, "on", f">{PASSWORD}", "~*", "+@all")
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    async with tls_before(port, authority) as secured:
        yield f"rediss://127.0.0.1:{secured}/0"
    await acl(redis, "DELUSER", USER)


async def test_user_and_password_are_parts_of_their_own(url: str, authority: Authority) -> None:
    async with connected(url, login=Login(USER, PASSWORD, authority.ca_file)) as redis:
        await ping(redis)
        assert await acl(redis, "WHOAMI") == USER.encode()


async def test_an_address_with_a_user_of_its_own_counts(url: str, authority: Authority) -> None:
    own = url.replace("://", f"://{USER}:pa%20ss%2Fw%C3%B6rd%40@")
    async with connected(own, login=Login("nobody", "wrong", authority.ca_file)) as redis:
        await ping(redis)


async def test_a_wrong_password_is_told_as_an_outage(url: str, authority: Authority) -> None:
    """Work waits meanwhile, and is not lost: the password may be about to be rotated."""
    async with connected(url, login=Login(USER, "wrong", authority.ca_file)) as redis:
        with pytest.raises(Unavailable, match="redis is unavailable: AuthenticationError"):
            await ping(redis)


async def test_a_certificate_of_a_stranger_is_refused(url: str, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)
    for login in (Login(USER, PASSWORD, stranger.ca_file), Login(USER, PASSWORD)):
        async with connected(url, login=login) as redis:
            with pytest.raises(Unavailable, match="redis"):
                await ping(redis)


async def test_two_passwords_of_a_user_let_old_and_new_processes_in(
    redis: Redis, url: str, authority: Authority
) -> None:
    """How a password is changed without a gap: docs/adr/0040."""
    async with connected(url, login=Login(USER, PASSWORD, authority.ca_file)) as old:
        await ping(old)
        await acl(redis, "SETUSER", USER, ">second")
        async with connected(url, login=Login(USER, "second", authority.ca_file)) as new:
            await ping(new)
            await acl(redis, "SETUSER", USER, f"<{PASSWORD}")
            await ping(new)
