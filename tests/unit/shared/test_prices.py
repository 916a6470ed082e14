"""What tokens cost."""

from decimal import Decimal

import pytest

from shared.bedrock import PriceList


def test_tokens_are_rated_per_million() -> None:
    prices = PriceList({"m": (Decimal(2), Decimal(10))})
    assert prices.cost("m", 500_000, 100_000) == Decimal(2)


@pytest.mark.parametrize(
    "name",
    [
        "us.amazon.nova-micro-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0",
    ],
)
def test_profiles_and_arns_have_their_models_price(name: str) -> None:
    prices = PriceList()
    assert prices.cost(name, 1_000_000) == prices.cost("amazon.nova-micro-v1:0", 1_000_000) > 0


def test_an_unknown_model_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="RAGOPS_PRICES"):
        PriceList().check("someone.elses-model")


def test_a_reranker_without_a_price_is_refused_at_start() -> None:
    prices = PriceList()
    prices.check_query("us.amazon.rerank-v1:0")
    with pytest.raises(ValueError, match=r"'someone\.elses-model': use one of amazon\.rerank-v1:0"):
        prices.check_query("someone.elses-model")
