"""Metrics are valid EMF lines, logs are JSON with the bound fields and the trace."""

import json
import logging

import pytest

from shared.observability import bound, configure_traces, current_trace_id, span
from shared.observability.logs import JsonFormatter
from shared.observability.metrics import Metrics


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_counts_are_summed_and_times_listed_by_dimension(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics = Metrics()
    metrics.service = "memory"
    for _ in range(3):
        metrics.add("Handled", 1, "Count", {"queue": "a"})
        metrics.add("Took", 1.5, "Milliseconds", {"queue": "a"})
    metrics.flush()
    (line,) = lines(capsys)
    assert line["Handled"] == [3]
    assert line["Took"] == [1.5, 1.5, 1.5]
    assert (line["service"], line["queue"]) == ("memory", "a")
    aws = line["_aws"]
    assert isinstance(aws, dict)
    (directive,) = aws["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service", "queue"]]
    assert {m["Name"] for m in directive["Metrics"]} == {"Handled", "Took"}


def test_no_metric_exceeds_what_one_line_may_hold(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics()
    for n in range(250):
        metrics.add("Took", n, "Milliseconds", {})
    metrics.flush()
    sizes = [len(line["Took"]) for line in lines(capsys)]  # type: ignore[arg-type]
    assert sizes == [100, 100, 50]
    metrics.flush()
    assert lines(capsys) == []


def test_a_log_line_carries_what_is_bound_and_the_trace() -> None:
    configure_traces("test", None)
    record = logging.LogRecord("x", logging.INFO, "f", 1, "handled", None, None)
    record.fields = {"queue": "q"}
    with bound(tenant="acme", correlation_id="c", nothing=None), span("s"):
        trace_id = current_trace_id()
        line = json.loads(JsonFormatter("memory").format(record))
    assert line["event"] == "handled"
    assert (line["tenant"], line["correlation_id"], line["queue"]) == ("acme", "c", "q")
    assert line["trace_id"] == trace_id
    assert "nothing" not in line


def test_outside_a_span_there_is_no_trace_id() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "e", None, None)
    assert "trace_id" not in json.loads(JsonFormatter("memory").format(record))
