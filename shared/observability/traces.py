"""OpenTelemetry spans; the W3C traceparent joins the processes."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from threading import Thread

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from shared.errors import described

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
# A collector that is away must not hold up a stop: the exporter alone would try for 10 s.
_SHUT_DOWN_S = 2.0
_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("ragops")


def configure_traces(service: str, otlp_url: str | None) -> None:
    """Once a process. Without a URL spans are no more than their ids, for logs and messages.

    OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_RESOURCE_ATTRIBUTES, …) count
    where ours are not set.
    """
    exports = bool(otlp_url) or any(os.environ.get(name) for name in _ENDPOINTS)
    sampler = None if exports else ALWAYS_OFF
    resource = Resource.create({"service.name": service})
    provider = TracerProvider(sampler, resource, shutdown_on_exit=False)
    if exports:
        # Its import takes .3 s, which who does not export need not wait for.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        address = f"{otlp_url.rstrip('/')}/v1/traces" if otlp_url else None
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
    trace.set_tracer_provider(provider)


def shut_down_traces(within_s: float = _SHUT_DOWN_S) -> None:
    """Sends what is left, in `within_s` seconds; a process that exports nothing does nothing."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        last = Thread(target=provider.shutdown, daemon=True)
        last.start()
        last.join(within_s)


@contextmanager
def span(
    name: str,
    attributes: Mapping[str, AttributeValue] | None = None,
    *,
    parent: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    current: bool = True,
) -> Iterator[Span]:
    """A span below `parent` (a traceparent) or else below the current one.

    An asynchronous generator asks for one that is not `current`: its reader runs in the same
    context, and may leave it from another. An error is told by its kind only: its words may quote
    a document.
    """
    context = _propagator.extract({"traceparent": parent}) if parent else None
    opened = _tracer.start_span(name, context=context, kind=kind, attributes=attributes)
    scope = trace.use_span(opened, record_exception=False, set_status_on_exception=False)
    try:
        with scope if current else nullcontext():
            yield opened
    except Exception as error:
        opened.set_attribute("error.type", type(error).__name__)
        opened.set_status(StatusCode.ERROR, described(error))
        raise
    finally:
        opened.end()


def current_traceparent() -> str | None:
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def current_trace_id() -> str | None:
    """32 hexadecimal digits, or None outside every span."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None
