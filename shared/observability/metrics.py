"""CloudWatch metrics as EMF lines (embedded metric format), gathered and flushed together.

Source: docs.aws.amazon.com, "Specification: Embedded metric format" (at most 100 values a metric).
"""

import json
import sys
import time
from collections import defaultdict
from typing import Literal

Unit = Literal["Milliseconds", "Seconds", "Count", "Bytes", "None"]
_VALUES_MAX = 100


class Metrics:
    """Values by (name, unit, dimensions); one EMF line for each set of dimensions at a flush."""

    def __init__(self) -> None:
        self.namespace = "RagOps"
        self.service = "unknown"
        self._values: dict[tuple[tuple[str, str], ...], dict[tuple[str, Unit], list[float]]] = (
            defaultdict(lambda: defaultdict(list))
        )

    def add(self, name: str, value: float, unit: Unit, dimensions: dict[str, str]) -> None:
        values = self._values[tuple(sorted(dimensions.items()))][(name, unit)]
        if unit == "Count" and values:
            values[0] += value  # a sum says all that a count has to say
            return
        values.append(round(value, 3))
        if len(values) >= _VALUES_MAX:
            self.flush()

    def flush(self) -> None:
        gathered, self._values = self._values, defaultdict(lambda: defaultdict(list))
        for dimensions, metrics in gathered.items():
            sys.stdout.write(json.dumps(self._line(dict(dimensions), metrics)) + "\n")
        sys.stdout.flush()

    def _line(
        self, dimensions: dict[str, str], metrics: dict[tuple[str, Unit], list[float]]
    ) -> dict[str, object]:
        dimensions = {"service": self.service, **dimensions}
        directive = {
            "Namespace": self.namespace,
            "Dimensions": [list(dimensions)],
            "Metrics": [{"Name": name, "Unit": unit} for name, unit in metrics],
        }
        values = {name: numbers for (name, _), numbers in metrics.items()}
        aws = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
        return {"_aws": aws, **dimensions, **values}


_metrics = Metrics()


def configure_metrics(service: str, namespace: str) -> None:
    _metrics.service, _metrics.namespace = service, namespace


def metric(name: str, value: float, unit: Unit = "Count", **dimensions: str) -> None:
    """Gathers one value; a flush each 10 s (shared.lifecycle) or at 100 values writes it."""
    _metrics.add(name, value, unit, dimensions)


def flush_metrics() -> None:
    _metrics.flush()
