"""One trace, JSON logs and EMF metrics, from the first line."""

from shared.observability.logs import bound, configure_logs
from shared.observability.metrics import configure_metrics, flush_metrics, metric
from shared.observability.traces import (
    configure_traces,
    current_trace_id,
    current_traceparent,
    shut_down_traces,
    span,
)

__all__ = [
    "bound",
    "configure_logs",
    "configure_metrics",
    "configure_traces",
    "current_trace_id",
    "current_traceparent",
    "flush_metrics",
    "metric",
    "shut_down_traces",
    "span",
]
