"""Time partitions of the assets: UTC days of receipt for telemetry, months for closes."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime

from dagster import DailyPartitionsDefinition, MonthlyPartitionsDefinition

from orchestration import settings
from orchestration.ingest.landing import last_complete_day

# The days that the UI offers: from here to the last one that has ended. The command line widens both ends to the days
# that it is asked for, because which data may be processed depends on the data, not on today's date.
FIRST_DAY = os.environ.get("METERLINE_FIRST_DAY") or settings.FIRST_DAY
LAST_DAY = os.environ.get("METERLINE_LAST_DAY") or ""


def _days_ahead() -> int:
    return max(0, (date.fromisoformat(LAST_DAY) - last_complete_day()).days) if LAST_DAY else 0


def _months_ahead() -> int:
    """One month more than the calendar has finished: a tenant east of UTC ends its month before UTC does."""
    last, today = date.fromisoformat(LAST_DAY) if LAST_DAY else date.min, datetime.now(UTC).date()
    return 1 + max(0, (last.year - today.year) * 12 + last.month - today.month)


received_days = DailyPartitionsDefinition(start_date=FIRST_DAY, end_offset=_days_ahead())
closing_months = MonthlyPartitionsDefinition(start_date=FIRST_DAY[:8] + "01", end_offset=_months_ahead())


def range_tags(first: date, last: date) -> dict[str, str]:
    """Run tags by which one run covers a range of received days (what the UI sets for a single-run backfill)."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
