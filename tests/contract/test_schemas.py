"""Released message schemas stay as they are; every message has one and a registered class."""

import json
from typing import Any

import pytest

import contracts
from contracts.freeze import FOLDER, path_of, schema_of
from contracts.message import Message
from contracts.registry import BY_VERSION, MESSAGES


def broken_promises(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What a reader or a writer of `old` could trip over in `new`.

    Optional additions break nothing, nor does a list of values that becomes any value of its type.
    """
    found: list[str] = []
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    found += [f"field {name} is gone" for name in old_fields.keys() - new_fields.keys()]
    found += [
        f"field {name} changed"
        for name in old_fields.keys() & new_fields.keys()
        if _opened(old_fields[name], new_fields[name]) != new_fields[name]
    ]
    newly = set(new.get("required", [])) ^ set(old.get("required", []))
    found += [f"field {name} changed between optional and required" for name in newly]
    for name, part in old.get("$defs", {}).items():
        if name not in new.get("$defs", {}):
            found.append(f"part {name} is gone")
        else:
            found += [f"{name}: {f}" for f in broken_promises(part, new["$defs"][name])]
    return found


def _opened(old: Any, new: Any) -> Any:
    """`old` without the lists of values that `new` has opened."""
    if isinstance(old, dict) and isinstance(new, dict):
        kept = old if "enum" in new or "type" not in new else _without(old, "enum")
        return {key: _opened(value, new.get(key)) for key, value in kept.items()}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [_opened(*both) for both in zip(old, new, strict=True)]
    return old


def _without(schema: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_a_released_schema_does_not_change(kind: type[Message]) -> None:
    assert path_of(kind).exists(), "run: python -m contracts.freeze"
    released = json.loads(path_of(kind).read_text())
    assert broken_promises(released, json.loads(json.dumps(schema_of(kind)))) == []


def test_the_check_sees_a_changed_a_removed_and_a_newly_required_field() -> None:
    old = {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]}
    new = {"properties": {"a": {"type": "integer"}, "c": {}}, "required": ["a", "c"]}
    assert sorted(broken_promises(old, new)) == [
        "field a changed",
        "field b is gone",
        "field c changed between optional and required",
    ]


CLOSED = {"type": "string", "enum": ["a", "b"]}
PLAIN = {"type": "string"}


@pytest.mark.parametrize("place", ["additionalProperties", "items", "anyOf"])
def test_a_list_of_values_may_be_opened_and_not_closed(place: str) -> None:
    def field(schema: dict[str, Any]) -> dict[str, Any]:
        inside = [schema, {"type": "null"}] if place == "anyOf" else schema
        return {"properties": {"direct": schema, "nested": {"type": "object", place: inside}}}

    assert broken_promises(field(CLOSED), field(PLAIN)) == []
    assert len(broken_promises(field(PLAIN), field(CLOSED))) == 2
    assert len(broken_promises(field(CLOSED), field({"type": "integer"}))) == 2
    assert len(broken_promises(field(CLOSED), field(CLOSED | {"enum": ["a"]}))) == 2


def test_no_released_version_is_ever_removed() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == {path_of(k).name for k in MESSAGES}


def test_every_message_class_is_registered() -> None:
    assert contracts.__name__ == "contracts"
    assert set(Message.__subclasses__()) == set(BY_VERSION.values())
