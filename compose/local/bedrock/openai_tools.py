"""Converse's toolConfig in chat-completions' words, and the answer back in Converse's."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from compose.local.bedrock.chat import ToolConfig, ToolUse
from compose.local.bedrock.errors import ModelError


def tools_of(config: ToolConfig) -> dict[str, Any]:
    """`tools` and `tool_choice` of the chat-completions body."""
    functions = [
        {
            "name": tool.tool_spec.name,
            "description": tool.tool_spec.description,
            "parameters": tool.tool_spec.input_schema.json_,
        }
        for tool in config.tools
    ]
    choice: object = "auto"
    if config.tool_choice.tool:
        choice = {"type": "function", "function": {"name": config.tool_choice.tool.name}}
    elif config.tool_choice.any is not None:
        choice = "required"
    tools = [{"type": "function", "function": function} for function in functions]
    return {"tools": tools, "tool_choice": choice}


def uses_in(message: dict[str, Any], *, cut_off: bool) -> Iterator[ToolUse]:
    """The calls of an answer. Raises ModelError for arguments that are no JSON object.

    An answer that was `cut_off` at max_tokens ends in the middle of its JSON: it has no such call.
    """
    for call in message.get("tool_calls") or []:
        function = call.get("function") or {}
        try:
            arguments = json.loads(function.get("arguments") or "{}")
        except (TypeError, ValueError):
            arguments = None
        if isinstance(arguments, dict):
            use_id = call.get("id") or f"tooluse_{uuid4().hex}"
            yield ToolUse(use_id, function.get("name", ""), arguments)
        elif not cut_off:
            raise ModelError("The model produced an invalid sequence as part of a tool's call.")
