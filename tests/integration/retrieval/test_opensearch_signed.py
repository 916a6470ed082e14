"""Requests to OpenSearch with SigV4: checked by a server that computes each signature itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials

from services.retrieval.store.opensearch.connecting import Signing, connect
from services.retrieval.store.opensearch.outages import outages
from shared.aws import task_credentials
from shared.errors import CannotStart, Unavailable
from tests.integration.tls import Authority

REGION = "eu-central-1"
KEYS = ReadOnlyCredentials("AKID", "the secret", "the session")
NEXT = ReadOnlyCredentials("AKID2", "another secret", "another session")


@dataclass
class Role:
    """Credentials that change, as a task role's do."""

    now: ReadOnlyCredentials = KEYS

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self.now


@dataclass
class Domain:
    """Answers whom it knows; `seen` are the paths that were asked for."""

    known: list[ReadOnlyCredentials] = field(default_factory=lambda: [KEYS, NEXT])
    seen: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not any(_signed_by(keys, request, body) for keys in self.known):
            return web.json_response({"message": "not signed by anybody known"}, status=403)
        self.seen.append(request.rel_url.raw_path)
        return web.json_response({"status": "green", "hits": {"hits": []}})


def _signed_by(keys: Any, request: web.Request, body: bytes) -> bool:
    """AWS' own steps: the canonical request of what came, and its signature."""
    told = request.headers.get("Authorization", "")
    if f"Credential={keys.access_key}/" not in told:
        return False
    names = told.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: request.headers[name] for name in names}
    assert {"host", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"} <= set(names)
    assert headers["x-amz-content-sha256"] == sha256(body).hexdigest()
    seen = AWSRequest(request.method, str(request.url), headers=headers, data=body)
    seen.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials(keys.access_key, keys.secret_key, keys.token), "es", REGION)
    wanted = signer.string_to_sign(seen, signer.canonical_request(seen))
    return told.endswith(f"Signature={signer.signature(wanted, seen)}")


@asynccontextmanager
async def serving(domain: Domain, authority: Authority | None = None) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", domain.answer)
    server = TestServer(application, host="127.0.0.1", scheme="https" if authority else "http")
    await server.start_server(ssl=authority.context if authority else None)
    try:
        yield str(server.make_url("/"))
    finally:
        await server.close()


async def ask_everything(url: str, signing: Signing | None, ca_file: Path | None = None) -> None:
    """Each shape of request that the store sends."""
    client = connect(url, signing, ca_file)
    try:
        await client.cluster.health(index="ragops-passages-*")
        await client.index(
            index="ragops-heads",
            id="acme/docs: 7 ü",
            body={"tenant": "acme"},
            routing="acme & söhne",
            version=3,
            version_type="external_gte",
        )
        await client.mget(index="ragops-heads", body={"ids": ["a"]}, routing="acme")
        await client.search(
            index="ragops-passages",
            body={"query": {"match": {"text": "Straße"}}},
            _source_includes=["title", "text"],
            allow_partial_search_results="false",
        )
        await client.bulk(body='{"index": {}}\n{"text": "ü"}\n', index="ragops-passages")
    finally:
        await client.close()


async def test_every_request_carries_the_signature_of_the_tasks_role() -> None:
    domain, role = Domain(), Role()
    async with serving(domain) as url:
        await ask_everything(url, Signing(role, REGION))
        assert len(domain.seen) == 5
        role.now, domain.known = NEXT, [NEXT]
        await ask_everything(url, Signing(role, REGION))
    assert len(domain.seen) == 10


async def test_while_requests_are_refused_work_waits() -> None:
    """Unsigned ones, and those of a role that the domain does not let in."""
    domain = Domain(known=[NEXT])
    async with serving(domain) as url:
        for signing in (None, Signing(Role(), REGION)):
            with pytest.raises(Unavailable, match="403"), outages():
                await ask_everything(url, signing)
    assert domain.seen == []


async def test_the_servers_certificate_is_checked_against_the_authorities_given(
    tmp_path: Path,
) -> None:
    authority, domain = Authority(tmp_path), Domain()
    async with serving(domain, authority) as url:
        await ask_everything(url, Signing(Role(), REGION), authority.ca_file)
        assert len(domain.seen) == 5
        with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
            await ask_everything(url, Signing(Role(), REGION))
    assert len(domain.seen) == 5


def test_without_credentials_the_service_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(CannotStart, match="give the task a role"):
        task_credentials()
