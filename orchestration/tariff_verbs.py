"""What `meterline rates import` and `meterline rates holidays` print."""

from __future__ import annotations

from typing import Any

from orchestration.console import say, working
from orchestration.runner import run_job


def import_rates(config: dict[str, Any]) -> None:
    """Write a tariff into a folder through the job, and say what changed."""
    with working("importing"):
        done = run_job("import_rates", ops={"write_tariff": {"config": config}})["config/imported_tariffs"]
    for note in done["notes"]:
        say(note)
    if not done["changed_files"]:
        say(f"{config['rate_card_id']} version {config['rate_card_version']} is there already; nothing was written")
        return
    rows = ", ".join(f"{count} rows of {table}.csv" for table, count in done["rows"].items())
    say(f"written into {config['folder']}: {rows}")


def import_holidays(config: dict[str, Any]) -> None:
    """Write the holidays through the job, and say how many were new."""
    with working("writing"):
        done = run_job("import_holidays", ops={"write_calendar": {"config": config}})["config/imported_holidays"]
    say(f"{done['new_dates']} new dates in {config['folder']}/holidays.csv; the file in git is the record")
