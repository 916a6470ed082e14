"""What providers train, with which parameters and for how much: dated data in table.json."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from services.finetune_export.models.training import Estimate
from services.finetune_export.services.exporting.limits import ExportRefused, limits_of

_MILLION = Decimal(1_000_000)
# USD per million tokens by model; they override the table's.
Prices = Mapping[str, Decimal]


class TrainingRefused(Exception):
    """It cannot be trained so; the message says what to do."""


@dataclass(frozen=True)
class Trainable:
    """`trains_as` is the provider's id for training. `measures`: it takes a set to measure with.

    It costs `usd_per_million` tokens, each counted once an epoch, or `usd_per_hour` of its machine.
    `technique` is the provider's word for how it trains with sets in this format.
    """

    model: str
    trains_as: str
    measures: bool
    parameters: Mapping[str, Mapping[str, Any]]
    provider: str
    technique: str | None = None
    usd_per_million: Decimal | None = None
    usd_per_hour: Decimal | None = None

    def checked(self, given: Mapping[str, str]) -> dict[str, str]:
        """All parameters, with defaults for those that are not given. Raises TrainingRefused."""
        if unknown := sorted(given.keys() - self.parameters.keys()):
            known = ", ".join(self.parameters)
            raise TrainingRefused(f"{self.model} has no parameter {unknown[0]!r}; it has {known}")
        for name, value in given.items():
            _check(name, value, self.parameters[name])
        return {name: given.get(name, row["default"]) for name, row in self.parameters.items()}

    def estimate(self, tokens: int, parameters: Mapping[str, str], longest: timedelta) -> Estimate:
        """A machine costs at most what it does when it runs as long as a training may."""
        [epochs] = [int(float(parameters[name])) for name in _EPOCHS if name in parameters]
        usd = (self.usd_per_million or 0) * Decimal(tokens * epochs) / _MILLION
        if self.usd_per_hour is not None:
            usd = round(self.usd_per_hour * Decimal(longest / timedelta(hours=1)), 6)
        return Estimate(
            tokens=tokens * epochs,
            epochs=epochs,
            cost_usd=usd,
            usd_per_million=self.usd_per_million,
            usd_per_hour=self.usd_per_hour,
        )


@dataclass(frozen=True)
class Catalogue:
    """The models that this system trains. Those that SageMaker trains are the operator's to name:
    by the ARN of their hub content, or by the image that trains them on a machine.

    `machine_prices` are USD per hour by instance type; they override the table's, too.
    """

    prices: Prices = field(default_factory=dict)
    hub_models: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    machine_prices: Prices = field(default_factory=dict)

    def trainable(self, format: str, base_model: str, instance_type: str | None) -> Trainable:
        """By the set's format and the model's id. Raises TrainingRefused."""
        row = _format_row(format)
        found = {"bedrock": self._in_bedrock, "sagemaker": self._in_sagemaker}[row["provider"]]
        return found(row, base_model, instance_type)

    def _in_bedrock(
        self, format_row: Mapping[str, Any], base_model: str, instance_type: str | None
    ) -> Trainable:
        """The id may have the suffix for training."""
        if instance_type is not None:
            raise TrainingRefused("Bedrock chooses the machines: leave `instance_type` out")
        for row in table()["models"]:
            if base_model in (row["model"], row["trains_as"]):
                return Trainable(
                    row["model"],
                    row["trains_as"],
                    row["measures"],
                    table()["parameters"][row["parameters"]],
                    **format_row,
                    usd_per_million=self.prices.get(row["model"], Decimal(row["usd_per_million"])),
                )
        known = ", ".join(row["model"] for row in table()["models"])
        raise TrainingRefused(f"{base_model!r} cannot be trained from here; these can: {known}")

    def _in_sagemaker(
        self, format_row: Mapping[str, Any], base_model: str, instance_type: str | None
    ) -> Trainable:
        """On a machine of this type, or serverless."""
        trains_as = (self.hub_models if instance_type is None else self.images).get(base_model)
        if trains_as is None:
            raise TrainingRefused(_not_named(base_model, instance_type, self))
        parameters = table()["parameters"]["sagemaker"]
        row = Trainable(base_model, trains_as, True, parameters, **format_row)
        if instance_type is not None:
            return replace(row, usd_per_hour=self._machine_price(instance_type))
        if base_model not in self.prices:
            raise TrainingRefused(
                f"the price of training {base_model} is not known: set it in RAGOPS_TRAINING_PRICES"
            )
        return replace(row, usd_per_million=self.prices[base_model])

    def _machine_price(self, instance_type: str) -> Decimal:
        known = {**table()["usd_per_instance_hour"], **self.machine_prices}
        if instance_type not in known:
            raise TrainingRefused(
                f"the price of {instance_type!r} is not known: take one of {', '.join(known)}, or"
                " set it in RAGOPS_SAGEMAKER_PRICES"
            )
        return Decimal(known[instance_type])


# The parameter that says how often a set is gone through, by its names.
_EPOCHS = ("epochCount", "max_epochs")


@cache
def table() -> dict[str, Any]:
    text = (files(__package__) / "table.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def check_format(format: str, made_for: str, base_model: str) -> None:
    """Whether the lines of a set that was made for one model fit another one.

    Raises TrainingRefused.
    """
    _format_row(format)
    try:
        if limits_of(format, base_model) == limits_of(format, made_for):
            return
    except ExportRefused as error:
        raise TrainingRefused(str(error)) from error
    raise TrainingRefused(f"the set was made for {made_for}; make one for {base_model}")


def _format_row(format: str) -> Mapping[str, Any]:
    """Which provider trains with sets in the format, and how. Raises TrainingRefused."""
    formats: Mapping[str, Mapping[str, Any]] = table()["formats"]
    if format not in formats:
        raise TrainingRefused(
            f"a set in the format {format} is not trained from here: download it, or make one in"
            f" {', '.join(formats)}"
        )
    return formats[format]


def _not_named(base_model: str, instance_type: str | None, named: Catalogue) -> str:
    if instance_type is not None:
        known = ", ".join(named.images) or "none"
        return (
            f"no image trains {base_model!r} on a machine: name one in RAGOPS_SAGEMAKER_IMAGES;"
            f" there are images for: {known}"
        )
    known = ", ".join(named.hub_models) or "none"
    return (
        f"SageMaker does not train {base_model!r} for this system: name its hub content in"
        " RAGOPS_SAGEMAKER_HUB_MODELS, or give an `instance_type` to train it with an image;"
        f" named are: {known}"
    )


def _check(name: str, value: str, row: Mapping[str, Any]) -> None:
    kind = "whole number" if row["whole"] else "number"
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not row["least"] <= number <= row["most"] or (row["whole"] and number != int(number)):
        raise TrainingRefused(
            f"{name} must be a {kind} from {row['least']:g} to {row['most']:g}, not {value!r}"
        )
