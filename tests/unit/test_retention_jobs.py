"""Until which month the schedule archives."""

from datetime import UTC, datetime

import pytest
from dagster import RunRequest, build_schedule_context

from orchestration.errors import BadInputError
from orchestration.retention_jobs import archive_old_months


def last_archived(tick: datetime) -> str:
    request = archive_old_months(build_schedule_context(scheduled_execution_time=tick))
    assert isinstance(request, RunRequest)
    # A run of its own every night.
    assert request.run_key is not None
    assert request.run_key.endswith(f"{tick:%Y-%m-%d}")
    return request.run_config["ops"]["archive_closed_months"]["config"]["last"]


@pytest.mark.parametrize(
    ("hot", "tick", "month"),
    [
        ("", datetime(2019, 11, 8, 2, tzinfo=UTC), "2019-07"),
        ("", datetime(2019, 4, 8, 2, tzinfo=UTC), "2018-12"),
        ("1", datetime(2019, 1, 8, 2, tzinfo=UTC), "2018-12"),
        ("24", datetime(2019, 3, 8, 2, tzinfo=UTC), "2017-03"),
    ],
)
def test_the_last_month_before_those_that_are_kept(hot, tick, month, monkeypatch):
    monkeypatch.setenv("METERLINE_HOT_MONTHS", hot)
    assert last_archived(tick) == month


@pytest.mark.parametrize("said", ["0", "-1", "four", "1.5"])
def test_what_is_no_number_of_months_is_refused(said, monkeypatch):
    monkeypatch.setenv("METERLINE_HOT_MONTHS", said)
    with pytest.raises(BadInputError, match="METERLINE_HOT_MONTHS"):
        last_archived(datetime(2019, 11, 8, 2, tzinfo=UTC))
