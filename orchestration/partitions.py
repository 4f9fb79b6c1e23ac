"""Time partitions of the assets: UTC days of receipt for telemetry, months for closes."""

from __future__ import annotations

import os
from datetime import date

from dagster import DailyPartitionsDefinition, MonthlyPartitionsDefinition

# Telemetry older than this needs METERLINE_FIRST_DAY; an earlier default only makes the UI's partition bar longer.
FIRST_DAY = os.environ.get("METERLINE_FIRST_DAY", "2010-01-01")

received_days = DailyPartitionsDefinition(start_date=FIRST_DAY)

# One month more than the calendar has finished: a tenant east of UTC ends its month before UTC does.
closing_months = MonthlyPartitionsDefinition(start_date=FIRST_DAY[:8] + "01", end_offset=1)


def last_complete_day() -> date:
    """The newest received day that has ended: the last partition. A day that still fills up is nobody's watermark."""
    key = received_days.get_last_partition_key()
    assert key is not None
    return date.fromisoformat(key)


def range_tags(first: date, last: date) -> dict[str, str]:
    """Run tags by which one run covers a range of received days (what the UI sets for a single-run backfill)."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
