"""The month's price: every class of every profile has one, and what drives it is told."""

import json
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from infra.cost import main, monthly
from infra.profiles import PROFILES, SMALL, STANDARD, Models
from infra.stacks.environment import _finetune_export
from tests.infra.matrix import IMAGE


def total(name: str, turns: int, documents: int) -> Decimal:
    return sum((row.usd for row in monthly(PROFILES[name], turns, documents)), Decimal(0))


@pytest.mark.parametrize("name", PROFILES)
def test_every_part_of_a_profile_has_a_price(name: str) -> None:
    rows = monthly(PROFILES[name], 0, 0)
    # Prices of models are by use; everything else costs something when nobody asks.
    assert [row.service for row in rows if row.usd == 0 and "Bedrock" not in row.service] == [
        "DynamoDB",
        "S3",
    ]


def test_a_small_system_that_nobody_uses_costs_hundreds_not_thousands() -> None:
    assert 250 < total("small", 0, 0) < 500 < total("standard", 0, 0)


def test_each_turn_and_each_document_makes_it_dearer() -> None:
    idle = total("small", 0, 0)
    assert idle < total("small", 10_000, 0) < total("small", 10_000, 1_000)


def test_the_budget_holds_the_idle_system_and_some_use() -> None:
    for profile in (SMALL, STANDARD):
        assert total(profile.name, 10_000, 1_000) < profile.budget_usd


def test_what_has_no_price_is_named() -> None:
    with pytest.raises(ValueError, match=r"no price for t3.nano: add it to HOSTS"):
        monthly(replace(SMALL, host_class="t3.nano"), 1, 1)
    dear = replace(SMALL, models=Models(answer=("vendor.unknown-v1:0",)))
    with pytest.raises(ValueError, match=r"no price for vendor.unknown"):
        monthly(dear, 1, 1)


def test_the_command_says_that_the_prices_are_unverified(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--profile", "small", "--turns", "1000", "--documents", "10"]) == 0
    told = capsys.readouterr().out
    assert "small, 1,000 turns, 10 documents" in told
    assert "UNVERIFIED" in told


def test_a_profile_that_trains_in_sagemaker_reaches_it_and_pays_for_the_way() -> None:
    arn = "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/llama"
    trains = replace(STANDARD, models=Models(hub_models={"llama": (arn, "1.5")}))
    assert set(trains.endpoints) - set(STANDARD.endpoints) == {"sagemaker.api"}
    ways = [
        next(row.usd for row in monthly(one, 0, 0) if row.service == "Endpoints")
        for one in (STANDARD, trains)
    ]
    assert ways[0] < ways[1]
    stores: Any = SimpleNamespace(archive_key=SimpleNamespace(attr_arn="key"))
    told = _finetune_export(trains, stores, {})
    assert json.loads(told["RAGOPS_SAGEMAKER_HUB_MODELS"]) == {"llama": arn}
    assert json.loads(told["RAGOPS_TRAINING_PRICES"]) == {"llama": "1.5"}
    images = {"llama": IMAGE}
    with_image = replace(STANDARD, models=Models(images=images))
    assert set(with_image.endpoints) - set(STANDARD.endpoints) == {"sagemaker.api"}
    told = _finetune_export(with_image, stores, {})
    assert json.loads(told["RAGOPS_SAGEMAKER_IMAGES"]) == images
    assert not [name for name in _finetune_export(STANDARD, stores, {}) if "SAGEMAKER" in name]
