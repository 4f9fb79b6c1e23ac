"""Where the pages of gates and of the documentation are found once they are served."""

from __future__ import annotations

import os

DEFAULT_ADDRESS = "http://127.0.0.1:3001"


def docs_url() -> str:
    """Address of the documentation site: `METERLINE_DOCS_URL`, or where `meterline docs` serves it."""
    return (os.environ.get("METERLINE_DOCS_URL") or DEFAULT_ADDRESS).rstrip("/")


def gate_report_url(gate: str, gate_run_id: int) -> str:
    """Address of the page of one run of a gate."""
    return f"{docs_url()}/gates/{gate}/{gate_run_id}.html"
