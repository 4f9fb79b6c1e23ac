"""A collector of OpenTelemetry that keeps what it is sent: OTLP over HTTP, as protobuf."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}


class Collector:
    """What came in, as Python data; attributes are dictionaries, trace and span ids hexadecimal."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.url = ""

    def resources(self) -> list[dict[str, Any]]:
        """Who sent, per request."""
        return [attributes(part.resource.attributes) for _, part in self._parts("resource_spans", "resource_metrics")]

    def spans(self) -> list[Any]:
        """All spans."""
        return [span for _, part in self._parts("resource_spans") for scope in part.scope_spans for span in scope.spans]

    def named(self, name: str) -> list[Any]:
        """Spans of that name."""
        return [span for span in self.spans() if span.name == name]

    def metrics(self) -> list[Any]:
        """All metrics."""
        parts = self._parts("resource_metrics")
        return [metric for _, part in parts for scope in part.scope_metrics for metric in scope.metrics]

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """Attributes and data points of a metric."""
        kinds = [getattr(metric, metric.WhichOneof("data")) for metric in self.metrics() if metric.name == name]
        return [(attributes(point.attributes), point) for data in kinds for point in data.data_points]

    def total(self, name: str, **about: str) -> int:
        """The sum of a counter's increments with these attributes (without their `meterline.`)."""
        wanted = {f"meterline.{key}": value for key, value in about.items()}.items()
        return sum(point.as_int for told, point in self.points(name) if wanted <= told.items())

    def _parts(self, *fields: str) -> Iterator[tuple[str, Any]]:
        for request in self.requests:
            for field in fields:
                for part in getattr(request, field, ()):
                    yield field, part


def attributes(pairs: Any) -> dict[str, Any]:
    """Attributes by name."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port of this machine."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            request = REQUESTS[self.path]()
            request.ParseFromString(body)
            collector.requests.append(request)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
