"""Released message schemas stay as they are; every message has one and a registered class."""

import json
from typing import Any

import pytest

import contracts
from contracts.freeze import FOLDER, path_of, schema_of
from contracts.message import Message
from contracts.registry import BY_VERSION, MESSAGES


def broken_promises(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What a reader or a writer of `old` could trip over in `new`: optional additions are none."""
    found: list[str] = []
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    found += [f"field {name} is gone" for name in old_fields.keys() - new_fields.keys()]
    found += [
        f"field {name} changed"
        for name in old_fields.keys() & new_fields.keys()
        if old_fields[name] != new_fields[name]
    ]
    newly = set(new.get("required", [])) ^ set(old.get("required", []))
    found += [f"field {name} changed between optional and required" for name in newly]
    for name, part in old.get("$defs", {}).items():
        if name not in new.get("$defs", {}):
            found.append(f"part {name} is gone")
        else:
            found += [f"{name}: {f}" for f in broken_promises(part, new["$defs"][name])]
    return found


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


def test_no_released_version_is_ever_removed() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == {path_of(k).name for k in MESSAGES}


def test_every_message_class_is_registered() -> None:
    assert contracts.__name__ == "contracts"
    assert set(Message.__subclasses__()) == set(BY_VERSION.values())
