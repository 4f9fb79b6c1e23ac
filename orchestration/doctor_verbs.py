"""What `meterline doctor` does: examine, and tell. It starts nothing and changes nothing."""

from __future__ import annotations

import json
from dataclasses import asdict

from orchestration.console import answer, say, table
from orchestration.doctor.examination import WELL, subject_of
from orchestration.doctor.examinations import examine_all
from orchestration.errors import MeterlineError
from orchestration.settings import Settings


def doctor(settings: Settings, *, as_json: bool) -> None:
    """Print a row for everything that was looked at, with a remedy where it is not well.

    Raises MeterlineError when something wants attention, BadInputError when there is no server to look at.
    """
    with subject_of(settings) as subject:
        rows = examine_all(subject)
    if as_json:
        answer(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        cells = [[row.area, row.name, row.state, row.finding, row.remedy] for row in rows]
        table("Meterline's health", ["area", "what", "state", "found", "remedy"], cells)
    open_rows = [row for row in rows if row.state != WELL]
    if open_rows:
        names = ", ".join(dict.fromkeys(f"{row.area}: {row.name}" for row in open_rows))
        raise MeterlineError(f"{len(open_rows)} of {len(rows)} findings want attention ({names})")
    if not as_json:
        say("all is well")
