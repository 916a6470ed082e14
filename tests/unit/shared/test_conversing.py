"""The request of Converse, by what each model supports; botocore agrees with each."""

from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from shared.bedrock.abilities import abilities_of, calls_tools
from shared.bedrock.conversing import Guardrail, converse_request, tool_config
from shared.ports import ChatMessage, Sampling, Tool

LONG, SHORT = "word " * 8000, "Be brief."
GUARDRAIL = Guardrail("gr-1", "3")
ABOUT = {"tenant": "acme", "purpose": "answer", "prompt_version": "cited-3"}
MODELS = (
    "anthropic.claude-sonnet-4-20250514-v1:0",
    "us.anthropic.claude-3-5-haiku-20241022-v1:0",
    "amazon.nova-lite-v1:0",
    "amazon.titan-text-premier-v1:0",
    "mistral.mistral-large-2407-v1:0",
    "mistral.mistral-7b-instruct-v0:2",
    "local.extractive-v1",
)


def request(model: str, system: str = SHORT, **changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {"about": ABOUT, "guardrail": GUARDRAIL}
    messages = [ChatMessage("user", "Hello"), ChatMessage("assistant", "Hi")]
    messages.append(ChatMessage("user", "How much?"))
    return converse_request(model, system, messages, 100, **known | changes)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("system", [SHORT, LONG], ids=["short", "long"])
def test_botocore_takes_each_request(model: str, system: str) -> None:
    service = get_session().get_service_model("bedrock-runtime")
    shape: Any = service.operation_model("ConverseStream").input_shape
    report: str = ParamValidator().validate(request(model, system), shape).generate_report()
    assert report == ""


def test_sampling_goes_along_only_where_it_is_given() -> None:
    assert request(MODELS[0])["inferenceConfig"] == {"maxTokens": 100}
    given = request(MODELS[0], sampling=Sampling(temperature=0.0, top_p=0.5))
    assert given["inferenceConfig"] == {"maxTokens": 100, "temperature": 0.0, "topP": 0.5}


def test_a_long_system_text_is_cached_where_the_model_can() -> None:
    cached = {"cachePoint": {"type": "default"}}
    assert request(MODELS[0], LONG)["system"] == [{"text": LONG}, cached]
    assert request(MODELS[0])["system"] == [{"text": SHORT}]
    assert request("mistral.mistral-large-2407-v1:0", LONG)["system"] == [{"text": LONG}]


def test_a_model_without_a_system_gets_its_words_first() -> None:
    made = request("amazon.titan-text-premier-v1:0")
    assert "system" not in made
    assert made["messages"][0]["content"] == [{"text": "Be brief.\n\nHello"}]
    assert made["messages"][-1]["content"] == [{"text": "How much?"}]


def test_a_guardrail_is_named_where_there_are_any() -> None:
    assert request(MODELS[0])["guardrailConfig"] == {
        "guardrailIdentifier": "gr-1",
        "guardrailVersion": "3",
        "streamProcessingMode": "sync",
    }
    assert "guardrailConfig" not in request("local.extractive-v1")
    assert "guardrailConfig" not in request(MODELS[0], guardrail=None)


def test_metadata_keeps_to_bedrocks_letters() -> None:
    about = {"tenant": "ä" * 300, "purpose": "answer"}
    assert request(MODELS[0], about=about)["requestMetadata"] == {
        "tenant": "_" * 256,
        "purpose": "answer",
    }
    assert "requestMetadata" not in request(MODELS[0], about={})


@pytest.mark.parametrize("area", ["us", "eu", "apac", "global"])
def test_a_profile_can_what_its_model_can(area: str) -> None:
    name = "anthropic.claude-sonnet-4-20250514-v1:0"
    arn = f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/{area}.{name}"
    assert abilities_of(arn) == abilities_of(f"{area}.{name}") == abilities_of(name)
    assert abilities_of(name).cache_from == 1024


@pytest.mark.parametrize(
    ("model", "tools"),
    [
        ("eu.anthropic.claude-sonnet-4-20250514-v1:0", "forced"),
        ("amazon.nova-lite-v1:0", "forced"),
        ("local.extractive-v1", "forced"),
        ("mistral.mistral-large-2407-v1:0", "offered"),
        ("us.meta.llama3-3-70b-instruct-v1:0", "offered"),
        ("amazon.titan-text-premier-v1:0", None),
        ("mistral.mistral-7b-instruct-v0:2", None),
    ],
)
def test_a_tool_is_forced_where_the_model_can_be(model: str, tools: str | None) -> None:
    assert abilities_of(model).tools == tools
    assert calls_tools(model) is (tools is not None)
    config = tool_config(model, Tool("record", "Records words.", {"type": "object"}))
    assert config.get("toolChoice") == ({"tool": {"name": "record"}} if tools == "forced" else None)
    shape: Any = get_session().get_service_model("bedrock-runtime").operation_model("Converse")
    asked = {"modelId": model, "messages": [], "toolConfig": config}
    report: str = ParamValidator().validate(asked, shape.input_shape).generate_report()
    assert report == ""
