"""The Dagster UI and daemon as one process group that stops as a whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from orchestration import documentation
from orchestration.console import say
from orchestration.ingest.landing import days_with_files
from orchestration.observability.lines import is_json
from orchestration.settings import PROJECT_ROOT, Settings

STOP_SECONDS = 20


def up(settings: Settings, host: str, port: int) -> None:
    """Serve until a signal comes, then stop the group, children that outlive their parent included.

    The documentation site is served on the next port, because metadata in the UI links to it.
    """
    docs_address = f"http://{host}:{port + 1}"
    os.environ.setdefault("METERLINE_DOCS_URL", docs_address)
    os.environ.setdefault("METERLINE_UI_URL", f"http://{host}:{port}")
    _begin_partitions_with_data(settings)
    documentation.serve_in_background(settings, host, port + 1)
    command = [
        str(Path(sys.executable).with_name("dagster")),
        "dev",
        "-w",
        str(PROJECT_ROOT / "workspace.yaml"),
        "-h",
        host,
        "-p",
        str(port),
        *(["--log-format", "json"] if is_json() else []),
    ]
    server = subprocess.Popen(command, cwd=PROJECT_ROOT, start_new_session=True)
    say(f"Dagster UI: http://{host}:{port} (Ctrl-C stops it)")
    say(f"Documentation: {docs_address} (`meterline docs --no-serve` builds it anew)")

    def stop(signum: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        sys.exit(server.wait())
    finally:
        stop_group(server)


def _begin_partitions_with_data(settings: Settings) -> None:
    """Offer the days from the first month that the landing zone has, unless somebody said otherwise."""
    present = days_with_files(settings.landing)
    if present is not None:
        os.environ.setdefault("METERLINE_FIRST_DAY", present[0].replace(day=1).isoformat())


def stop_group(server: subprocess.Popen[bytes]) -> None:
    """Ask the whole process group to end, then make it."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, signum)
        except ProcessLookupError:
            return
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
