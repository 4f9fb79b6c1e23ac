"""Traces and metrics, where a collector is named; nothing, and no import of OpenTelemetry, where none is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestration.observability import lines

if TYPE_CHECKING:
    from orchestration.observability.instruments import Instrument
    from orchestration.observability.otlp import Exporting

Attributes = Mapping[str, Any]

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
ENDPOINTS = {"traces": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "metrics": "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"}
EXPORTERS = {"traces": "OTEL_TRACES_EXPORTER", "metrics": "OTEL_METRICS_EXPORTER"}
# The caller's span, as W3C Trace Context writes it.
PARENT = "TRACEPARENT"


def endpoint_of(signal: str) -> str:
    """The address that traces or metrics go to, as the environment names it; empty where nobody asked for them."""
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get(EXPORTERS[signal]) == "none"
    return "" if is_off else os.environ.get(ENDPOINTS[signal]) or os.environ.get(ENDPOINT) or ""


@cache
def _exporting() -> Exporting | None:
    if not any(endpoint_of(signal) for signal in ENDPOINTS):
        return None
    try:
        from orchestration.observability.otlp import Exporting

        return Exporting()
    except Exception as error:
        # A wrong variable must not keep anybody from metering.
        lines.warn(f"no telemetry is sent: {type(error).__name__}: {error}")
        return None


def is_on() -> bool:
    """Whether anybody wants traces or metrics; what is measured only for them need not be measured otherwise."""
    return _exporting() is not None


def begin(name: str, attributes: Attributes, parent: str = "") -> Any:
    """Open a span within the open one (else `parent`, else TRACEPARENT); returns what ends it."""
    exporting = _exporting()
    return exporting.begin(name, attributes, parent or os.environ.get(PARENT, "")) if exporting else None


def end(span: Any, attributes: Attributes, error: str = "") -> None:
    """End a span and those open within it; `error` is the kind of failure."""
    exporting = _exporting()
    if exporting is not None and span is not None:
        exporting.end(span, attributes, error)


@contextmanager
def span(name: str, attributes: Attributes) -> Iterator[dict[str, Any]]:
    """A span around the block; what the block puts into the dictionary becomes attributes."""
    more: dict[str, Any] = {}
    begun, error = begin(name, attributes), ""
    try:
        yield more
    except BaseException as failure:
        error = type(failure).__name__
        raise
    finally:
        end(begun, more, error)


def past(name: str, began: float, ended: float, attributes: Attributes, error: str = "") -> None:
    """A span, within the open one, of work that has ended; times are seconds since 1970."""
    exporting = _exporting()
    if exporting is not None:
        exporting.past(name, began, ended, attributes, error)


def tell(instrument: Instrument, value: float, attributes: Attributes) -> None:
    """Add to a counter, set a gauge, or record a value of a histogram."""
    exporting = _exporting()
    if exporting is not None:
        exporting.tell(instrument, value, attributes)
