"""Checks a line of a training set as its provider would, before the provider does."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any

from services.finetune_export.services.exporting.limits import Limits

_NOVA_WORDS = re.compile(
    r"(?:System|SYSTEM|User|USER|Bot|BOT|Assistant|ASSISTANT|Thought):|\[EOS\]|<image>|<video>"
)


class Invalid(Exception):
    """What is wrong with a line, in a few words without its content."""


def check_line(line: str, format: str, limits: Limits) -> None:
    """Raises Invalid. `line` is without its end."""
    if "\n" in line or not line:
        raise Invalid("not one line")
    try:
        record = json.loads(line)
    except ValueError as error:
        raise Invalid("not JSON") from error
    if not isinstance(record, dict):
        raise Invalid("not an object")
    _CHECKS[format](record, limits)
    texts = list(_texts(record))
    if sum(map(len, texts)) > limits.characters:
        raise Invalid("too long")
    if limits.reserved_words and any(_NOVA_WORDS.search(text) for text in texts):
        raise Invalid("reserved word")


def _keys(record: Mapping[str, Any], needed: Set[str], allowed: Set[str] = frozenset()) -> None:
    if missing := needed - record.keys():
        raise Invalid(f"{min(missing)} is missing")
    if extra := record.keys() - needed - allowed:
        raise Invalid(f"{min(extra)} is not allowed")


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Invalid(f"{name} is no text")
    return value


def _block(value: object, name: str) -> None:
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        raise Invalid(f"{name} is no list of one text")
    _keys(value[0], {"text"})
    _text(value[0]["text"], name)


def _turns(messages: object, limits: Limits, last: str) -> Sequence[Mapping[str, Any]]:
    """User first, then by turns, `last` at the end."""
    if not isinstance(messages, list) or not messages:
        raise Invalid("messages is no list")
    for place, message in enumerate(messages):
        if not isinstance(message, dict):
            raise Invalid("a message is no object")
        if message.get("role") != ("user", "assistant")[place % 2]:
            raise Invalid("roles do not alternate from user")
    if messages[-1]["role"] != last:
        raise Invalid(f"the last message is not the {last}'s")
    if not limits.multi_turn and len(messages) > 2:
        raise Invalid("more than one turn")
    return messages


def _conversation(record: Mapping[str, Any], limits: Limits) -> None:
    _keys(record, {"schemaVersion", "messages"}, {"system"})
    _text(record["schemaVersion"], "schemaVersion")
    if "system" in record:
        _block(record["system"], "system")
    for message in _turns(record["messages"], limits, "assistant"):
        _keys(message, {"role", "content"})
        _block(message["content"], "content")


def _nova_dpo(record: Mapping[str, Any], limits: Limits) -> None:
    _keys(record, {"schemaVersion", "messages"}, {"system"})
    if "system" in record:
        _block(record["system"], "system")
    *before, last = _turns(record["messages"], limits, "assistant")
    for message in before:
        _keys(message, {"role", "content"})
        _block(message["content"], "content")
    _keys(last, {"role", "candidates"})
    labels = []
    for candidate in last["candidates"]:
        _keys(candidate, {"content", "preferenceLabel"})
        _block(candidate["content"], "content")
        labels.append(candidate["preferenceLabel"])
    if labels != ["preferred", "non-preferred"]:
        raise Invalid("candidates are not one preferred and one non-preferred")


def _prompt_completion(record: Mapping[str, Any], _limits: Limits) -> None:
    _keys(record, {"prompt", "completion"})
    _text(record["prompt"], "prompt")
    _text(record["completion"], "completion")


def _strings(messages: Sequence[Mapping[str, Any]]) -> None:
    for message in messages:
        _keys(message, {"role", "content"})
        _text(message["content"], "content")


def _claude(record: Mapping[str, Any], limits: Limits) -> None:
    _keys(record, {"messages"}, {"system"})
    if "system" in record:
        _text(record["system"], "system")
    _strings(_turns(record["messages"], limits, "assistant"))


def _after_system(messages: object, limits: Limits, last: str) -> None:
    if not isinstance(messages, list):
        raise Invalid("messages is no list")
    first = messages[0] if messages else None
    if isinstance(first, dict) and first.get("role") == "system":
        _strings(messages[:1])
        messages = messages[1:]
    _strings(_turns(messages, limits, last))


def _chat(record: Mapping[str, Any], limits: Limits) -> None:
    _keys(record, {"messages"})
    _after_system(record["messages"], limits, "assistant")


def _reinforcement(record: Mapping[str, Any], limits: Limits) -> None:
    _keys(record, {"messages", "reference_answer"})
    _text(record["reference_answer"], "reference_answer")
    _after_system(record["messages"], limits, "user")


def _dpo(record: Mapping[str, Any], limits: Limits) -> None:
    _keys(record, {"chosen", "rejected"})
    for side in ("chosen", "rejected"):
        _after_system(record[side], limits, "assistant")
    if record["chosen"][:-1] != record["rejected"][:-1]:
        raise Invalid("chosen and rejected do not begin alike")
    if record["chosen"][-1] == record["rejected"][-1]:
        raise Invalid("chosen and rejected are the same")


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], Limits], None]] = {
    "bedrock-conversation": _conversation,
    "bedrock-prompt-completion": _prompt_completion,
    "bedrock-claude-3-haiku": _claude,
    "bedrock-distillation": _conversation,
    "bedrock-reinforcement": _reinforcement,
    "sagemaker-chat": _chat,
    "sagemaker-dpo": _dpo,
    "nova-dpo": _nova_dpo,
}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _texts(child)
