"""LocalStack as a process of the system."""

import os
from pathlib import Path

from compose.local.localstack.install import HOME, LIBRARIES
from compose.local.parts.part import Part
from compose.local.ports import HOST
from compose.local.probes import answers_http


def localstack(state: Path, port: int) -> Part:
    """Keeps nothing over a restart; `state` holds its scratch files."""
    root = state / "root"
    place = root / "var" / "lib" / "localstack"
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "lib").is_symlink():
        (place / "lib").symlink_to(LIBRARIES)
    address = f"{HOST}:{port}"
    env = {
        "OVERRIDE_IN_DOCKER": "false",
        "FILESYSTEM_ROOT": str(root),
        "GATEWAY_LISTEN": address,
        "LOCALSTACK_HOST": address,
        "SQS_ENDPOINT_STRATEGY": "path",
        "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "0",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "PROVIDER_OVERRIDE_DYNAMODB": "v2",
        "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "v2",
        "DYNAMODB_IN_MEMORY": "1",
        "PATH": f"{HOME / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    return Part(
        "aws",
        (str(HOME / "bin" / "localstack-supervisor"),),
        env,
        waits_for="LocalStack's health",
        ready=lambda: answers_http(f"http://{address}/_localstack/health"),
        grace_s=30.0,
    )
