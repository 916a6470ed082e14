"""Bedrock's stand-in as a process of the system."""

import sys

from compose.local.layout import Layout
from compose.local.parts.part import Part
from compose.local.ports import HOST
from compose.local.probes import answers_http


def bedrock(layout: Layout, port: int) -> Part:
    """Its first start on a machine builds the model's graph (a few seconds)."""
    return Part(
        "bedrock",
        (
            *(sys.executable, "-m", "compose.local.bedrock"),
            *("--port", str(port), "--state", str(layout.models)),
        ),
        waits_for="its embedding model",
        ready=lambda: answers_http(f"http://{HOST}:{port}/healthz"),
    )
