"""A day's partition is run at any time and in any order: again, after the close, and after a run of it was killed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from tests.integration.crashing import killed_before_statement, statements_of
from tests.support import Pipeline, message

NewPipeline = Callable[..., Pipeline]

DAYS = [date(2019, 1, 31) + timedelta(days=number) for number in range(4)]
LATE = date(2019, 2, 5)


@pytest.fixture
def landed(pipeline: Pipeline) -> Pipeline:
    """Four days around the turn of a month and one that comes late, about one device."""
    pipeline.tenant("acme", "m-1")
    for number, day in enumerate(DAYS):
        at = f"{day}T12:00"
        pipeline.land(message("acme", "m-1", number, 2**number, at, session_id="s"))
    pipeline.land(
        # The second day again; another use for the third, which came before it; and one late for January.
        message("acme", "m-1", 1, 2, "2019-02-01T12:00", "2019-02-05T12:00", sent_ts="2019-02-05T12:00:00Z"),
        message("acme", "m-1", 2, 5, "2019-02-02T12:00", "2019-02-05T12:01", sent_ts="2019-02-05T12:01:00Z"),
        message("acme", "m-1", 9, 64, "2019-01-31T13:00", "2019-02-05T12:02", sent_ts="2019-02-05T12:02:00Z"),
    )
    return pipeline


def test_partitions_in_any_order_and_again(landed: Pipeline, new_pipeline: NewPipeline) -> None:
    at_once = new_pipeline(like=landed)
    at_once.process()
    at_once.close("2019-01", "2019-02-10")
    # 1 of January, the late 64 not; 2, 4 and 8 of February.
    assert at_once.fleet("acme") == {"acme:2019-01-01": "1", "acme:2019-02-01": "14"}
    assert at_once.refused() == [("sequence_conflict", 1)]
    expected = at_once.published()

    interrupted = DAYS[1]
    rehearsal = new_pipeline(like=landed)
    for platform in (rehearsal, landed):
        run(platform, LATE)
        run(platform, DAYS[3])
    whole_run = statements_of(run_of(interrupted), rehearsal)
    assert killed_before_statement(whole_run // 2, run_of(interrupted), landed)
    # Another partition comes first; it finishes what the killed run had begun.
    for day in (DAYS[0], interrupted, DAYS[2]):
        run(landed, day)
    assert [row[:2] for row in landed.close("2019-01", "2019-02-10")] == [("INV-acme-2019-01-01", 1)]
    assert landed.published() == expected

    for day in (interrupted, LATE):
        run(landed, day)
    assert landed.close("2019-01", "2019-02-10") == []
    assert landed.published() == expected
    assert landed.prove() == {}


def run(platform: Pipeline, day: date) -> None:
    """The partition of a received day."""
    platform.process(day, day)


def run_of(day: date) -> Callable[[Pipeline], None]:
    """Work that runs a partition."""
    return lambda platform: run(platform, day)
