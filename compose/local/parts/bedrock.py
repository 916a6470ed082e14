"""Bedrock's stand-in as a process of the system."""

import sys
from collections.abc import Mapping

from compose.local.layout import Layout
from compose.local.parts.part import Part
from compose.local.ports import HOST
from compose.local.probes import answers_http

# Of the services' environment it has no more.
_NAMES = ("RAGOPS_AWS_", "RAGOPS_NAME_PREFIX", "RAGOPS_MODEL_FAULTS")


def bedrock(layout: Layout, port: int, environment: Mapping[str, str] | None = None) -> Part:
    """Its first start on a machine builds the model's graph (a few seconds).

    From `environment` it has the AWS in which training sets lie, and whether it plays faults.
    """
    return Part(
        "bedrock",
        (
            *(sys.executable, "-m", "compose.local.bedrock"),
            *("--port", str(port), "--state", str(layout.models)),
        ),
        {name: value for name, value in (environment or {}).items() if name.startswith(_NAMES)},
        waits_for="its embedding model",
        ready=lambda: answers_http(f"http://{HOST}:{port}/healthz"),
    )
