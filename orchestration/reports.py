"""Where pages are found once they are served: the documentation, the reports of gates, the runs in the UI."""

from __future__ import annotations

import os

DEFAULT_ADDRESS = "http://127.0.0.1:3001"
DEFAULT_UI_ADDRESS = "http://127.0.0.1:3000"


def docs_url() -> str:
    """Address of the documentation site: `METERLINE_DOCS_URL`, or where `meterline docs` serves it."""
    return (os.environ.get("METERLINE_DOCS_URL") or DEFAULT_ADDRESS).rstrip("/")


def gate_report_url(gate: str, gate_run_id: int) -> str:
    """Address of the page of one run of a gate."""
    return f"{docs_url()}/gates/{gate}/{gate_run_id}.html"


def run_url(run_id: str) -> str:
    """Address of a run in the UI: `METERLINE_UI_URL`, or where `meterline up` serves it."""
    address = (os.environ.get("METERLINE_UI_URL") or DEFAULT_UI_ADDRESS).rstrip("/")
    return f"{address}/runs/{run_id}"
