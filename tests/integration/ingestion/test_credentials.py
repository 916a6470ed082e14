"""How ingestion comes into PostgreSQL: address in parts, passwords that change, tokens, TLS."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
import pytest_asyncio

from compose.local.layout import Layout
from compose.local.parts.postgres import postgres, postgres_url
from compose.local.ports import HOST, free_ports
from compose.local.process_list import ProcessList
from compose.local.progress import Silent
from compose.local.supervised import Supervised
from services.ingestion.bootstrap import migrating
from services.ingestion.settings import IngestionSettings
from services.ingestion.store.database import Address, connected, url_of
from shared.aws import database_tokens
from shared.errors import Unavailable
from shared.settings import Settings
from tests.integration.tls import Authority, tls_before

SECRET = "p@ss wörd/?"
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = pg_backend_pid()"


@asynccontextmanager
async def guarded(folder: Path) -> AsyncIterator[int]:
    """The port of a server that asks everybody for a password."""
    layout, (port,) = Layout(folder), free_ports(1)
    layout.prepare()
    part = await postgres(layout, port, SECRET)
    server = Supervised(part, layout.logs, ProcessList(layout.processes), Silent())
    await server.start()
    try:
        yield port
    finally:
        await server.stop(asyncio.Event())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def port(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    async with guarded(tmp_path_factory.mktemp("guarded") / "state") as opened:
        yield opened


def settings(port: int, **more: Any) -> IngestionSettings:
    parts = {"database_host": HOST, "database_port": port, "database_user": "postgres"}
    return IngestionSettings(**{**parts, "database_name": "postgres", **more})


@pytest.mark.asyncio(loop_scope="module")
async def test_the_address_is_made_of_parts_and_comes_before_the_url(port: int) -> None:
    given = settings(port, database_password=SECRET, database_url="postgresql://no@no/no")
    async with migrating(given) as database:
        await database.ping()
    assert SECRET not in repr(given)


@pytest.mark.asyncio(loop_scope="module")
async def test_each_new_connection_asks_for_the_password_anew(port: int) -> None:
    """So a rotated password, or a token that lives for 15 minutes, needs no restart."""
    passwords, asked = ["first", "second"], 0

    async def newest() -> str:
        nonlocal asked
        asked += 1
        return passwords[0]

    operator = await asyncpg.connect(postgres_url(port, "p%40ss%20w%C3%B6rd%2F%3F"))
    await operator.execute("CREATE ROLE worker LOGIN PASSWORD 'first'")
    async with connected(Address(url_of(HOST, port, "worker", "postgres"), newest)) as database:
        await database.ping()
        await operator.execute("ALTER ROLE worker PASSWORD 'second'")
        await database.ping()
        assert asked == 1  # the connection that is open stays open
        del passwords[0]
        with pytest.raises(Unavailable):
            async with database.transaction() as transaction:
                await transaction.execute(CUT)
        await database.ping()
    assert asked == 2
    await operator.execute("DROP ROLE worker")
    await operator.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_while_the_password_is_wrong_work_waits(port: int) -> None:
    async with migrating(settings(port, database_password="the one before")) as database:
        with pytest.raises(Unavailable, match="28P01"):
            await database.ping()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_servers_certificate_is_checked(port: int, tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path), Authority(_folder(tmp_path / "stranger"))
    async with tls_before(port, authority, postgres=True) as secured:
        trusting = settings(secured, database_password=SECRET, ca_file=authority.ca_file)
        async with migrating(trusting) as database:
            await database.ping()
        wrong = settings(secured, database_password=SECRET, ca_file=stranger.ca_file)
        async with migrating(wrong) as database:
            with pytest.raises(Unavailable, match="SSLCertVerificationError"):
                await database.ping()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_token_goes_to_no_server_without_tls(port: int) -> None:
    async with migrating(settings(port, database_auth="iam")) as database:
        with pytest.raises(Unavailable, match="postgresql"):
            await database.ping()


async def test_a_token_names_host_user_and_region_and_is_signed() -> None:
    async with AsyncExitStack() as stack:
        made = Settings(aws_region="eu-west-1", aws_endpoint_url="http://127.0.0.1:1")
        token = await database_tokens(stack, made, "db.internal", 5432, "ragops")
        told = urlsplit("https://" + await token())
    words = parse_qs(told.query)
    assert (told.netloc, words["Action"], words["DBUser"]) == (
        "db.internal:5432",
        ["connect"],
        ["ragops"],
    )
    assert words["X-Amz-Credential"][0].endswith("/eu-west-1/rds-db/aws4_request")
    assert words["X-Amz-Expires"] == ["900"]
    assert len(words["X-Amz-Signature"][0]) == 64


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
