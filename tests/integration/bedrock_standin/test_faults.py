"""Each failure of a model as the gateway's own client sees it."""

from collections.abc import AsyncIterator, Iterator

import aiobotocore.session
import pytest
import pytest_asyncio
from botocore.config import Config
from botocore.exceptions import ClientError

from compose.local.bedrock.faults import BLOCKED, BREAKS, REFUSALS
from shared.bedrock import BedrockModel, PriceList
from shared.errors import Unavailable
from shared.ports import ChatMessage, ModelReport
from tests.integration.bedrock_standin.process import served
from tests.integration.bedrock_standin.test_converse import PROMPT

MODEL = "local.extractive-v1"


@pytest.fixture(scope="module")
def faulty_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state = tmp_path_factory.mktemp("bedrock-faults")
    with served(state, RAGOPS_LLM_URL="", RAGOPS_MODEL_FAULTS="1") as url:
        yield url


@pytest_asyncio.fixture
async def model(faulty_url: str) -> AsyncIterator[BedrockModel]:
    session = aiobotocore.session.get_session()
    config = Config(retries={"total_max_attempts": 1})
    client = session.create_client(
        "bedrock-runtime", endpoint_url=faulty_url, region_name="us-east-1", config=config
    )
    async with client as runtime:
        yield BedrockModel(runtime, None, PriceList(), "us-east-1", 384, silence_s=1.0)


async def asked(model: BedrockModel, fault: str) -> tuple[str, str | None, Exception | None]:
    """(text, stop reason, what ended it)"""
    question = f"How long does shipping take? {{{{fault:{fault}}}}}"
    messages = [ChatMessage("user", PROMPT.replace("{}", question))]
    text, stopped = "", None
    try:
        async for item in model.converse(MODEL, "system", messages, 100):
            if isinstance(item, ModelReport):
                stopped = item.stop_reason
            else:
                text += item
    except Exception as error:  # noqa: BLE001 (it is what the test is about)
        return text, None, error
    return text, stopped, None


async def test_without_a_fault_it_answers(model: BedrockModel) -> None:
    text, stopped, error = await asked(model, "none")
    assert (text[:12], stopped, error) == ("Between 3 an", "end_turn", None)


@pytest.mark.parametrize("fault", REFUSALS)
async def test_a_refusal_is_an_outage_unless_it_is_our_fault(
    model: BedrockModel, fault: str
) -> None:
    text, _, error = await asked(model, fault)
    assert text == ""
    assert isinstance(error, ClientError if fault == "denied" else Unavailable)


@pytest.mark.parametrize("late", ["", "_late"])
@pytest.mark.parametrize("fault", [*BREAKS, "cut", "silence"])
async def test_a_stream_that_breaks_is_an_outage(
    model: BedrockModel, fault: str, late: str
) -> None:
    text, _, error = await asked(model, fault + late)
    assert bool(text) is bool(late)
    assert isinstance(error, ClientError if fault == "stream_invalid" else Unavailable)


@pytest.mark.parametrize(
    ("fault", "stop_reason", "text"),
    [
        ("guardrail", "guardrail_intervened", BLOCKED),
        ("filtered", "content_filtered", ""),
        ("length", "max_tokens", "The first words of"),
    ],
)
async def test_an_answer_that_is_not_whole_says_why(
    model: BedrockModel, fault: str, stop_reason: str, text: str
) -> None:
    assert await asked(model, fault) == (text, stop_reason, None)


async def test_slow_tokens_are_no_silence(model: BedrockModel) -> None:
    text, stopped, error = await asked(model, "slow")
    assert (text[:12], stopped, error) == ("Between 3 an", "end_turn", None)
