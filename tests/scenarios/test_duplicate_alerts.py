"""A tenant's share of duplicates is told when it leaves its usual band: a fault of a gateway, no error of a load.

The band of a day comes from the 14 days before it, from hours with at least 100 messages.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestration import observations
from orchestration.database.connection import connect
from tests.support import Message, Pipeline, instant, message

ALERTS = """
select to_char(hour_start_at at time zone 'UTC', 'MM-DD HH24'), message_count, duplicate_count,
    trim_scale(duplicate_ratio)::text, trim_scale(usual_ratio)::text, trim_scale(least_usual_ratio)::text,
    trim_scale(greatest_usual_ratio)::text, compared_hour_count
from governance.duplicate_alerts where tenant_id = %s order by 1
"""
NEWEST = (
    "select array_agg(load_id) from ledger.loads where received_date = (select max(received_date) from ledger.loads)"
)
# Of 100 messages an hour 2 and 4 in turn are repeats. Of 24 hours, 12 have 0.02 and 12 have 0.04: the (lower) median is
# 0.02, of the deviations 0 and 0.02 the lower median is 0, so the width is the floor of 0.02.
HABIT = [(100, 2 + 2 * (hour % 2)) for hour in range(24)]


def hours(tenant: str, start: str | datetime, counts: list[tuple[int, int]]) -> list[Message]:
    """Hour by hour, as many messages as named, so many of which repeat the hour's first one a minute later."""
    begins = instant(start) if isinstance(start, str) else start
    made = []
    for number, (messages, duplicates) in enumerate(counts):
        at = begins + timedelta(hours=number)
        seconds = int((at - instant("2019-01-01")).total_seconds())
        first = message(tenant, "m-1", seconds, 1, at)
        made += [
            message(tenant, "m-1", seconds + n, 1, at + timedelta(seconds=n)) for n in range(messages - duplicates)
        ]
        made += [first | {"received_at": f"{at + timedelta(minutes=30):%Y-%m-%dT%H:%M:%S}Z"}] * duplicates
    return made


def test_an_hour_outside_the_band_of_the_days_before_is_told(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.tenant("quiet", "m-1")
    pipeline.tenant("new", "m-1")
    day = "2019-02-11T00:00"
    for tenant in ("acme", "quiet"):
        pipeline.land(*hours(tenant, "2019-02-10T00:00", HABIT))
    # 23 hours are no habit.
    pipeline.land(*hours("new", "2019-02-10T01:00", HABIT[1:]), *hours("new", day, [(100, 60)]))
    # The band is 0 to 0.04. 4 of 100 is its edge. 13 of 200 is 0.065, outside, but only 9 more than the usual 4;
    # 14 of 200, ten more, is told. 60 of 99 is too few messages.
    pipeline.land(*hours("acme", day, [(100, 4), (200, 13), (200, 14), (99, 60), (100, 30)]))
    pipeline.land(*hours("quiet", day, [(100, 2), (100, 4)]))
    pipeline.process()

    assert pipeline.rows(ALERTS, "quiet") == pipeline.rows(ALERTS, "new") == []
    assert pipeline.rows(ALERTS, "acme") == [
        ("02-11 02", 200, 14, "0.07", "0.02", "0", "0.04", 24),
        ("02-11 04", 100, 30, "0.3", "0.02", "0", "0.04", 24),
    ]
    ((newest,),) = pipeline.rows(NEWEST)
    with connect(pipeline.settings, "meterline_transform") as session:
        (told,) = observations.unusual_duplicates(session, newest)
    assert told.subject == "acme"
    assert told.text.startswith(
        "acme received 30.0% duplicates in the hour from 2019-02-11 04:00 UTC (30 of 100); usual is 0.0% to 4.0%. "
        "2 hour(s) of the day are unusual."
    )
    pipeline.audit()


def test_duplicates_that_stop_are_told_too_and_a_wide_habit_is_wide(pipeline: Pipeline) -> None:
    # Two gateways hear every message of `both`: half are repeats. One gateway fails, and the repeats are gone.
    pipeline.tenant("both", "m-1")
    pipeline.land(*hours("both", "2019-02-10T00:00", [(100, 50)] * 24), *hours("both", "2019-02-11T00:00", [(100, 0)]))
    # `wide` has 10, 20, ... 50 and again: median 0.3, deviations 0, 0.1 and 0.2 with the median 0.1. The band is
    # 5 * 1.4826 * 0.1 = 0.7413 to either side, so that 90 of 100 is nothing unusual.
    pipeline.tenant("wide", "m-1")
    varied = [(100, 10 * (1 + number % 5)) for number in range(25)]
    pipeline.land(*hours("wide", "2019-02-09T23:00", varied), *hours("wide", "2019-02-11T00:00", [(100, 90)]))
    pipeline.process()

    assert pipeline.rows(ALERTS, "both") == [("02-11 00", 100, 0, "0", "0.5", "0.48", "0.52", 24)]
    assert pipeline.rows(ALERTS, "wide") == []


def test_an_earlier_arrival_that_is_loaded_later_moves_the_count_to_its_hour(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    measured = "2019-02-10T08:00"
    rates = """
    select extract(hour from hour_start_at at time zone 'UTC')::integer, message_count, duplicate_count
    from finance.duplicate_rates order by 1
    """
    pipeline.land(message("acme", "m-1", 1, 5, measured, "2019-02-10T10:00"))
    pipeline.land(message("acme", "m-1", 1, 5, measured, "2019-02-10T11:00"))
    pipeline.process()
    assert pipeline.rows(rates) == [(10, 1, 0), (11, 1, 1)]
    # The kept one is now that of 9 o'clock; of the others one agrees with it. Another quantity was first: both that
    # counted as the same reading contradict it, and are no duplicates.
    pipeline.land(message("acme", "m-1", 1, 5, measured, "2019-02-10T09:00"))
    pipeline.process()
    assert pipeline.rows(rates) == [(9, 1, 0), (10, 1, 1), (11, 1, 1)]
    pipeline.land(message("acme", "m-1", 1, 7, measured, "2019-02-10T08:30"))
    pipeline.process()
    assert pipeline.rows(rates) == [(8, 1, 0), (9, 1, 0), (10, 1, 0), (11, 1, 0)]
    pipeline.audit()
