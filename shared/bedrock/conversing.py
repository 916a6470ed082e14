"""The request of Converse, by what the model supports."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.bedrock.abilities import abilities_of
from shared.bedrock.prices import called
from shared.ports import OWN_SAMPLING, ChatMessage, Sampling, Tool
from shared.tokens import estimated_tokens

# Of requestMetadata: up to 16 pairs of at most 256 characters.
_NOT_METADATA = re.compile(r"[^a-zA-Z0-9\s:_@$#=/+,\-.]")
_METADATA_LENGTH, _METADATA_PAIRS = 256, 16


@dataclass(frozen=True)
class Guardrail:
    """A guardrail of Bedrock, by its id or ARN and its version (a number, or `DRAFT`)."""

    id: str
    version: str


def converse_request(
    model: str,
    system: str,
    messages: Sequence[ChatMessage],
    max_tokens: int,
    about: Mapping[str, str],
    guardrail: Guardrail | None,
    sampling: Sampling = OWN_SAMPLING,
) -> dict[str, Any]:
    """The arguments of `converse_stream`.

    The system's text is cached where the model can and the text is long enough; the guardrail looks
    at each part of the answer before it is streamed on.
    """
    known = abilities_of(model)
    talk = [{"role": m.role, "content": [{"text": m.text}]} for m in messages]
    request: dict[str, Any] = {
        "modelId": called(model),
        "messages": talk,
        "inferenceConfig": {"maxTokens": max_tokens},
    }
    chosen = {"temperature": sampling.temperature, "topP": sampling.top_p}
    request["inferenceConfig"] |= {name: one for name, one in chosen.items() if one is not None}
    if known.system:
        request["system"] = [{"text": system}]
        if known.cache_from is not None and estimated_tokens(system) >= known.cache_from:
            request["system"].append({"cachePoint": {"type": "default"}})
    else:
        talk[0]["content"] = [{"text": f"{system}\n\n{messages[0].text}"}]
    if guardrail is not None and known.guardrails:
        request["guardrailConfig"] = {
            "guardrailIdentifier": guardrail.id,
            "guardrailVersion": guardrail.version,
            "streamProcessingMode": "sync",
        }
    if about:
        request["requestMetadata"] = {
            name: _NOT_METADATA.sub("_", value)[:_METADATA_LENGTH]
            for name, value in list(about.items())[:_METADATA_PAIRS]
        }
    return request


def tool_config(model: str, tool: Tool) -> dict[str, Any]:
    """A model that cannot be forced to call the tool is offered it, and may answer in words."""
    specification = {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": {"json": tool.schema},
    }
    config: dict[str, Any] = {"tools": [{"toolSpec": specification}]}
    if abilities_of(model).tools == "forced":
        config["toolChoice"] = {"tool": {"name": tool.name}}
    return config
