"""A client of OpenSearch: who it says it is, and which certificates it trusts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opensearchpy import AsyncHttpConnection, AsyncOpenSearch, AWSV4SignerAsyncAuth

_CONNECTIONS = 64
_TIMEOUT_S = 10


@dataclass(frozen=True)
class Signing:
    """Signs each request with an AWS role's credentials (SigV4, service `es`)."""

    credentials: Any
    region: str


def connect(url: str, signing: Signing | None, ca_file: Path | None) -> AsyncOpenSearch:
    options: dict[str, Any] = {"timeout": _TIMEOUT_S, "max_retries": 1, "maxsize": _CONNECTIONS}
    if ca_file is not None and url.startswith("https:"):
        options["ca_certs"] = str(ca_file)
    if signing is not None:
        # The driver's other connection takes no signer.
        options["connection_class"] = AsyncHttpConnection
        options["http_auth"] = AWSV4SignerAsyncAuth(signing.credentials, signing.region)
    return AsyncOpenSearch(url, **options)
