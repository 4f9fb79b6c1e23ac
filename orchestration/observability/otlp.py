"""Sends traces and metrics to a collector by OTLP over HTTP; imported only where one is named.

Sending happens in threads that nobody waits for, but at the end of the process, and then not long: a collector that
is away delays and fails nothing. OpenTelemetry's own variables say how (headers, time-outs, sampling, resource).
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from orchestration.observability import lines
from orchestration.observability.instruments import Instrument
from orchestration.observability.signals import endpoint_of

SERVICE = "meterline"
# How long the end of a process waits for what is still to be sent.
LAST_SECONDS = 2.0
TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
# Processes end, and the next one counts from nothing: what each adds can be summed, what each has counted cannot.
INCREMENTS: dict[type, AggregationTemporality] = {
    Counter: AggregationTemporality.DELTA,
    Histogram: AggregationTemporality.DELTA,
}
SECOND = 1_000_000_000


class Exporting:
    """The spans and metrics of this process, on their way to the collector."""

    def __init__(self) -> None:
        """Start the threads that send; they end with the process."""
        self._open: list[Span] = []
        self._instruments: dict[str, Any] = {}
        self._hosts = sorted({urlsplit(endpoint_of(signal)).netloc for signal in ("traces", "metrics")} - {""})
        self._is_said = False
        # What the libraries say of a collector that is away repeats itself, with addresses in full.
        library = logging.getLogger("opentelemetry")
        library.propagate = False
        library.addHandler(_Failures(self._say))
        resource = _resource()
        self._tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._meters = MeterProvider(_readers(), resource, shutdown_on_exit=False)
        if endpoint_of("traces"):
            self._tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer, self._meter = self._tracers.get_tracer(SERVICE), self._meters.get_meter(SERVICE)
        self._ending = threading.Event()
        # Started now: at the end of a process no thread can be.
        senders = [provider.shutdown for provider in (self._tracers, self._meters)]
        self._senders = [threading.Thread(target=self._send_rest, args=(end,), daemon=True) for end in senders]
        for sender in self._senders:
            sender.start()
        atexit.register(self._finish)

    def begin(self, name: str, attributes: Mapping[str, Any], parent: str) -> Span:
        """Open a span within the open one; else within `parent`, which W3C Trace Context writes."""
        context = None
        if self._open:
            context = trace.set_span_in_context(self._open[-1])
        elif parent:
            context = TraceContextTextMapPropagator().extract({"traceparent": parent})
        span = self._tracer.start_span(name, context, attributes=attributes)
        self._open.append(span)
        return span

    def end(self, span: Span, attributes: Mapping[str, Any], error: str) -> None:
        """End a span, and what was left open within it."""
        if span not in self._open:
            return
        _close(span, attributes, error)
        while (inner := self._open.pop()) is not span:
            inner.end()
        span.end()

    def past(self, name: str, began: float, ended: float, attributes: Mapping[str, Any], error: str) -> None:
        """A span of work that has ended; times are seconds since 1970."""
        context = trace.set_span_in_context(self._open[-1]) if self._open else None
        span = self._tracer.start_span(name, context, start_time=int(began * SECOND))
        _close(span, attributes, error)
        span.end(int(ended * SECOND))

    def tell(self, instrument: Instrument, value: float, attributes: Mapping[str, Any]) -> None:
        """Hand a value to the metric, which is made at its first."""
        made = self._instruments.get(instrument.name) or self._made(instrument)
        self._instruments[instrument.name] = made
        made(value, attributes)

    def _made(self, instrument: Instrument) -> Any:
        described = (instrument.name, instrument.unit, instrument.description)
        if instrument.kind == "counter":
            return self._meter.create_counter(*described).add
        if instrument.kind == "gauge":
            return self._meter.create_gauge(*described).set
        return self._meter.create_histogram(*described, explicit_bucket_boundaries_advisory=instrument.bounds).record

    def _send_rest(self, shut_down: Any) -> None:
        self._ending.wait()
        shut_down()

    def _finish(self) -> None:
        """Send what is left, and wait for it as long as it is worth."""
        while self._open:
            self._open.pop().end()
        until = time.monotonic() + LAST_SECONDS
        self._ending.set()
        for sender in self._senders:
            sender.join(max(0.0, until - time.monotonic()))
        if any(sender.is_alive() for sender in self._senders):
            self._say()

    def _say(self) -> None:
        if not self._is_said:
            self._is_said = True
            lines.warn(f"telemetry could not be sent to {' and '.join(self._hosts)}; the work goes on without it")


class _Failures(logging.Handler):
    """Hears from the libraries that something could not be sent."""

    def __init__(self, say: Any) -> None:
        super().__init__(logging.ERROR)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say()


def _resource() -> Resource:
    """Who sends; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come first. Nothing of the machine is in it."""
    ours = Resource({"service.name": SERVICE, "service.version": version(SERVICE)})
    theirs = Resource.create()
    is_named = not str(theirs.attributes.get("service.name", "")).startswith("unknown_service")
    return ours.merge(theirs) if is_named else theirs.merge(ours)


def _readers() -> list[PeriodicExportingMetricReader]:
    if not endpoint_of("metrics"):
        return []
    is_left_to_us = not os.environ.get(TEMPORALITY)
    exporter = OTLPMetricExporter(preferred_temporality=INCREMENTS if is_left_to_us else None)
    return [PeriodicExportingMetricReader(exporter)]


def _close(span: Span, attributes: Mapping[str, Any], error: str) -> None:
    span.set_attributes({name: value for name, value in attributes.items() if value is not None})
    if error:
        span.set_attribute("error.type", error)
        span.set_status(Status(StatusCode.ERROR))
