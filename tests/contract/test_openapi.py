"""The HTTP interface is frozen: its description changes only together with openapi.json."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from contracts.gateway import (
    http,
    http_chat,
    http_conversations,
    http_exports,
    http_judgements,
    http_prompts,
    http_reviews,
    http_search,
    http_trainings,
    http_usage,
    http_versions,
)
from services.gateway.openapi import COMMAND, FILE, described, main

SHAPES = {
    shape.__name__: shape
    for module in (
        http,
        http_search,
        http_chat,
        http_usage,
        http_versions,
        http_conversations,
        http_exports,
        http_judgements,
        http_prompts,
        http_reviews,
        http_trainings,
    )
    for shape in vars(module).values()
    if isinstance(shape, type) and issubclass(shape, BaseModel) and shape is not BaseModel
}
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
CALLS = {
    f"{method} {path}": call
    for path, methods in DOCUMENT["paths"].items()
    for method, call in methods.items()
}


async def test_the_description_is_the_frozen_one() -> None:
    assert await described() == FILE.read_text(), f"run: {COMMAND}"


def test_a_check_of_another_description_fails_and_names_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "openapi.json"
    monkeypatch.setattr("services.gateway.openapi.FILE", stale)
    assert main(["--check"]) == 1
    assert COMMAND in capsys.readouterr().err
    assert not stale.exists()
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_each_call_has_a_name_of_its_own() -> None:
    names = [call["operationId"] for call in CALLS.values()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_field_is_described(name: str) -> None:
    fields = SCHEMAS[name].get("properties", {})
    assert [field for field, of in fields.items() if "description" not in of] == []


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_each_call_has_examples_of_what_goes_in_and_out(call: dict[str, Any]) -> None:
    for content in contents(call):
        assert "example" in content or examples_of(content["schema"])
    for parameter in call.get("parameters", []):
        assert "description" in parameter
        assert "examples" in parameter["schema"] or not parameter["required"]


def contents(call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The bodies of a call: what is sent, and what is answered."""
    answers = call["responses"].values()
    for part in (call.get("requestBody", {}), *answers):
        yield from part.get("content", {}).values()


def examples_of(schema: dict[str, Any]) -> list[Any]:
    name = schema["$ref"].rpartition("/")[2]
    found: list[Any] = SCHEMAS[name]["examples"]
    return found


@pytest.mark.parametrize("name", [name for name in SCHEMAS if "examples" in SCHEMAS[name]])
def test_each_example_is_valid(name: str) -> None:
    for example in SCHEMAS[name]["examples"]:
        assert example.keys() <= SHAPES[name].model_fields.keys()
        SHAPES[name].model_validate(example)
