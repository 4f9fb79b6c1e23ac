"""The figures that a benchmark is compared by, for machines: names, units, and the file that holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

# What each figure says. Megabytes are of 10^6 bytes; CPU is that of the command and of the database together.
FIGURES = {
    "ratio_to_duckdb": "messages per second of the whole path, as a multiple of DuckDB's with two threads",
    "ratio_to_insert": "the same, as a multiple of one INSERT and commit per message",
    "cpu_us_per_event": "CPU microseconds per message, without what one message costs",
    "cpu_us_per_event_next_day": "the same for one more day on top of a day",
    "bytes_per_event": "heap and index of the event store",
    "archived_bytes_per_event": "files of the archive that hold the events, without those of the minutes",
    "growth_ratio": "CPU per message, without what one message costs, into the largest store against an empty one",
    "close_growth_ratio": "CPU of a close over ten times the events of the same devices",
    "worker_peak_mb": "memory of the command with its children",
    "database_peak_mb": "memory of PostgreSQL, shared buffers included",
    "nothing_pending_cpu_s": "CPU seconds of `meterline process` with nothing to do",
    "one_row_day_cpu_s": "CPU seconds of `meterline process` for a day of one message",
    "one_row_day_daemon_cpu_s": "the same, launched by Dagster's daemon, with what the daemon itself takes meanwhile",
    "cadence_p95_s": "seconds from a landing file to its threshold event, 95th percentile",
    "reconnection_messages_per_s": "messages per second when a fleet that was offline for days delivers all at once",
    "reconnection_worker_peak_mb": "memory of the command with its children while it takes that in",
    "reconnection_database_peak_mb": "memory of PostgreSQL meanwhile, shared buffers included",
}
DIGITS = 4


def write(path: Path, figures: Mapping[str, float]) -> None:
    """Write what was measured as a JSON object; a figure that was not measured is absent."""
    unknown = figures.keys() - FIGURES.keys()
    if unknown:
        raise KeyError(f"no such figures: {sorted(unknown)}")
    ordered = {name: float(f"{figures[name]:.{DIGITS}g}") for name in FIGURES if name in figures}
    path.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
