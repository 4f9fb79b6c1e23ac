"""Which clock dates an event: a message that is late is not a clock that is wrong.

One kWh costs 1.00 EUR; a clock is trusted while its session's least delay is at most 300 seconds.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestration.database.connection import connect
from tests.conftest import SHARDS
from tests.support import Message, Pipeline, instant, message

DATED = """
select msg_seq, to_char(event_at at time zone 'UTC', 'MM-DD HH24:MI:SS.US'), timestamp_source
from finance.billing_events where tenant_id = %s order by device_id, msg_seq
"""
POLICIES = ("corrected", "server", "hybrid", "device")


@pytest.fixture
def policies(pipeline: Pipeline) -> Pipeline:
    """A platform with one tenant per clock policy, named after it."""
    for policy in POLICIES:
        pipeline.tenant(policy, "m-1", "m-2", clock_policy=policy)
    return pipeline


def for_all(*rows: Message) -> list[Message]:
    """The same messages for each of the tenants."""
    return [{**row, "tenant_id": policy} for policy in POLICIES for row in rows]


def test_a_wrong_clock_is_set_right_across_the_end_of_the_month(policies: Pipeline) -> None:
    # m-1 is two hours slow: delays of 7,202 s and 7,200 s, so the offset is 7,200 s. m-2 is two hours fast: delays
    # of -7,195 s and -7,200 s, so the offset is -7,200 s.
    policies.land(
        *for_all(
            message("", "m-1", 1, 1, "2019-01-31T23:00", "2019-02-01T01:00:02", session_id="slow"),
            message("", "m-1", 2, 2, "2019-02-01T01:30", "2019-02-01T03:30:00", session_id="slow"),
            message("", "m-2", 1, 4, "2019-02-01T00:30", "2019-01-31T22:30:05", session_id="fast"),
            message("", "m-2", 2, 8, "2019-02-01T02:30", "2019-02-01T00:30:00", session_id="fast"),
        )
    )
    policies.process()

    assert policies.rows(DATED, "corrected") == [
        (1, "02-01 01:00:00.000000", "corrected"),
        (2, "02-01 03:30:00.000000", "corrected"),
        (1, "01-31 22:30:00.000000", "corrected"),
        (2, "02-01 00:30:00.000000", "corrected"),
    ]
    assert policies.rows(DATED, "server") == [
        (1, "02-01 01:00:02.000000", "server"),
        (2, "02-01 03:30:00.000000", "server"),
        (1, "01-31 22:30:05.000000", "server"),
        (2, "02-01 00:30:00.000000", "server"),
    ]
    # No delay of its own is within 300 s, so hybrid takes every receipt; device believes what it is told.
    assert policies.rows(DATED, "hybrid") == policies.rows(DATED, "server")
    in_february = {"2019-01-01": "4", "2019-02-01": "11"}
    by_device = {"2019-01-01": "1", "2019-02-01": "14"}
    for policy in POLICIES:
        expected = by_device if policy == "device" else in_february
        assert policies.fleet(policy) == {f"{policy}:{day}": use for day, use in expected.items()}, policy


def test_hybrid_takes_a_backlog_for_a_wrong_clock(policies: Pipeline) -> None:
    # Measured in January, delivered six hours later in a session that ends live.
    policies.land(
        *for_all(
            message("", "m-1", 1, 1, "2019-01-31T23:00", "2019-02-01T05:00", session_id="s"),
            message("", "m-1", 2, 2, "2019-02-01T05:01", session_id="s"),
        )
    )
    policies.process()

    for policy in ("corrected", "server", "device"):
        assert policies.fleet(policy) == {f"{policy}:2019-01-01": "1", f"{policy}:2019-02-01": "2"}
    assert policies.fleet("hybrid") == {"hybrid:2019-02-01": "3"}
    assert policies.rows(DATED, "hybrid") == [
        (1, "02-01 05:00:00.000000", "server"),
        (2, "02-01 05:01:00.000000", "device"),
    ]


def test_a_stamp_from_the_future_is_not_trusted_even_in_a_trusted_session(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-02-10T12:00", session_id="s"),
        # Published when it was received and measured a day later: impossible, so it counts as measured on receipt.
        message(
            "acme", "m-1", 2, 2, "2019-02-11T12:00", "2019-02-10T12:05", sent_ts="2019-02-10T12:05:00Z", session_id="s"
        ),
        # 300 s ahead is within what a clock may be wrong, one microsecond more is not.
        message(
            "acme", "m-1", 3, 3, "2019-02-10T12:15", "2019-02-10T12:10", sent_ts="2019-02-10T12:10:00Z", session_id="s"
        ),
        message(
            "acme",
            "m-1",
            4,
            4,
            "2019-02-10T12:25:00.000001",
            "2019-02-10T12:20",
            sent_ts="2019-02-10T12:20:00Z",
            session_id="s",
        ),
    )
    pipeline.process()

    assert pipeline.rows(DATED, "acme") == [
        (1, "02-10 12:00:00.000000", "device"),
        (2, "02-10 12:05:00.000000", "corrected"),
        (3, "02-10 12:15:00.000000", "device"),
        (4, "02-10 12:20:00.000000", "corrected"),
    ]


def test_an_offset_of_exactly_the_limit_is_trusted(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["device_types"].append({"device_type": "loose", "max_clock_skew_seconds": "600"})
    pipeline.tenant("acme", "m-1", "m-2")
    pipeline.tenant("loose", "m-1", device_type="loose")
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-02-10T12:00", "2019-02-10T12:05:00"),
        message("acme", "m-2", 1, 2, "2019-02-10T12:00", "2019-02-10T12:05:00.000001"),
        message("loose", "m-1", 1, 4, "2019-02-10T12:00", "2019-02-10T12:10:00"),
    )
    pipeline.process()

    assert pipeline.rows(DATED, "acme") == [
        (1, "02-10 12:00:00.000000", "device"),
        (1, "02-10 12:05:00.000001", "corrected"),
    ]
    assert pipeline.rows(DATED, "loose") == [(1, "02-10 12:00:00.000000", "device")]


def test_evidence_of_the_day_before_and_after_counts_and_no_other(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "before", "after", "far", "none")
    backlog = ("2019-02-09T23:00", "2019-02-10T23:00")
    for device, live in (("before", "2019-02-09T12:00"), ("after", "2019-02-11T12:00"), ("far", "2019-02-12T00:00")):
        pipeline.land(
            message("acme", device, 1, 1, *backlog, session_id="s"), message("acme", device, 2, 1, live, session_id="s")
        )
    # Without a session only the messages of the same received day speak.
    pipeline.land(message("acme", "none", 1, 1, *backlog), message("acme", "none", 2, 1, "2019-02-11T12:00"))
    pipeline.process()

    judged = "select device_id, timestamp_source from finance.billing_events where msg_seq = 1 order by 1"
    assert pipeline.rows(judged) == [
        ("after", "device"),
        ("before", "device"),
        ("far", "corrected"),
        ("none", "corrected"),
    ]


def test_a_message_in_no_contract_is_evidence_all_the_same(pipeline: Pipeline) -> None:
    """RULES 3: offsets come before contracts. A live message of the day before the contract proves the clock."""
    pipeline.tenant("acme", "m-1", starts_at="2019-02-01")
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-01-31T23:59", session_id="s"),
        message("acme", "m-1", 2, 2, "2019-02-01T00:10", "2019-02-01T05:00", session_id="s"),
    )
    pipeline.process()
    assert pipeline.refused() == [("no_contract", 1)]
    assert pipeline.rows(DATED, "acme") == [(2, "02-01 00:10:00.000000", "device")]


def test_evidence_that_is_loaded_later_dates_an_event_again(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 1, "2019-01-31T23:00", "2019-02-01T23:00", session_id="s"))
    pipeline.process()
    # Its own delay of a day is all that is known: corrected to its receipt.
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "1"}

    pipeline.land(message("acme", "m-1", 2, 2, "2019-02-02T00:30", session_id="s"))
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-01-01": "1", "acme:2019-02-01": "2"}
    hour = "to_char(bucket_start_at at time zone 'UTC', 'MM-DD HH24')"
    hours = f"select {hour}, quantity from finance.usage_hourly order by 1"
    assert pipeline.rows(hours) == [("01-31 23", 1), ("02-02 00", 2)]
    assert pipeline.rows("select version, cause_load_id from store.event_restatements") == [(1, 2)]
    pipeline.audit()


def test_a_stamp_just_outside_the_billed_period_is_marked(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1", "m-2", clock_policy="server")
    # A clock ten minutes fast: measured in February by its own account, received and billed in January. Five minutes
    # past the end are a candidate, a microsecond more is none.
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-02-01T00:05", "2019-01-31T23:55"),
        message("acme", "m-2", 1, 1, "2019-02-01T00:05:00.000001", "2019-01-31T23:55"),
    )
    pipeline.process()
    marked = "select device_id, is_skew_candidate, period_id from finance.billing_events order by 1"
    assert pipeline.rows(marked) == [("m-1", True, "acme:2019-01-01"), ("m-2", False, "acme:2019-01-01")]


def test_use_counts_the_stamps_that_lie_just_outside_its_period(pipeline: Pipeline) -> None:
    """Billed by receipt in January: stamps of 00:04 and 00:05 of February are candidates, one of 00:06 is none."""
    pipeline.tenant("acme", "m-1", "m-2", clock_policy="server")
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-02-01T00:04", "2019-01-31T23:50"),
        message("acme", "m-1", 2, 1, "2019-02-01T00:05", "2019-01-31T23:51"),
        message("acme", "m-1", 3, 1, "2019-02-01T00:06", "2019-01-31T23:52"),
        message("acme", "m-2", 1, 1, "2019-02-01T00:01", "2019-01-31T23:50"),
    )
    pipeline.process()
    of_devices = "select device_id, event_count, skew_candidate_count from finance.device_usage order by 1"
    assert pipeline.rows(of_devices) == [("m-1", 3, 2), ("m-2", 1, 1)]
    assert pipeline.rows("select event_count, skew_candidate_count from finance.fleet_usage") == [(4, 3)]


def test_a_device_that_is_behind_and_names_no_session_is_corrected_by_its_day(pipeline: Pipeline) -> None:
    # An hour slow. On the 10th the least delay is 3,600 s, on the 11th, where a message waited 10 s, it is 3,610 s:
    # a day without a session speaks for itself alone.
    pipeline.tenant("acme", "m-1")
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-02-10T11:00", "2019-02-10T12:00:05"),
        message("acme", "m-1", 2, 1, "2019-02-10T12:00", "2019-02-10T13:00:00"),
        message("acme", "m-1", 3, 1, "2019-02-11T11:00", "2019-02-11T12:00:10"),
    )
    pipeline.process()
    assert pipeline.rows(DATED, "acme") == [
        (1, "02-10 12:00:00.000000", "corrected"),
        (2, "02-10 13:00:00.000000", "corrected"),
        (3, "02-11 12:00:10.000000", "corrected"),
    ]


def test_a_corrected_time_improves_with_the_evidence_and_a_repeat_is_evidence_too(pipeline: Pipeline) -> None:
    # An hour slow. 90 s of delay beside the hour are all that is known, then 30 s, then a repeat that took 0 s.
    pipeline.tenant("acme", "m-1")
    first = message("acme", "m-1", 1, 1, "2019-02-10T11:00", "2019-02-10T12:01:30", session_id="s")
    second = message("acme", "m-1", 2, 1, "2019-02-10T11:30", "2019-02-10T12:30:30", session_id="s")
    pipeline.land(first)
    pipeline.process()
    assert pipeline.rows(DATED, "acme") == [(1, "02-10 12:01:30.000000", "corrected")]

    pipeline.land(second)
    pipeline.process()
    assert pipeline.rows(DATED, "acme") == [
        (1, "02-10 12:00:30.000000", "corrected"),
        (2, "02-10 12:30:30.000000", "corrected"),
    ]

    pipeline.land(second | {"sent_ts": "2019-02-10T12:00:00Z", "received_at": "2019-02-10T13:00:00Z"})
    pipeline.process()
    assert pipeline.rows(DATED, "acme") == [
        (1, "02-10 12:00:00.000000", "corrected"),
        (2, "02-10 12:30:00.000000", "corrected"),
    ]
    # 0, 30 and 90 s made three states of the first event: two restatements, the newest of which counts.
    versions = "select msg_seq, count(*), max(version) from store.event_restatements group by 1 order by 1"
    assert pipeline.rows(versions) == [(1, 2, 2), (2, 1, 1)]
    pipeline.audit()


REVIEWS = """
select device_id, trim_scale(quantity)::text, to_char(event_at at time zone 'UTC', 'MM-DD HH24:MI'), side,
    trim_scale(seconds_from_change)::text, is_disputed, timestamp_source, period_id, is_billed
from finance.boundary_reviews where tenant_id = %s order by device_id
"""


def test_an_untrusted_event_near_the_end_of_a_period_is_listed_for_review(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1", "m-2", "m-3", "m-4", "m-5", clock_policy="server")
    pipeline.land(
        # Two hours fast: ten minutes before the end is listed, a microsecond more is not.
        message("acme", "m-1", 1, 5, "2019-02-01T01:50", "2019-01-31T23:50"),
        message("acme", "m-2", 1, 6, "2019-02-01T01:49:59.999999", "2019-01-31T23:49:59.999999"),
        # Received at the very change: it begins February. By its slow clock it is of January.
        message("acme", "m-3", 1, 7, "2019-01-31T22:00", "2019-02-01T00:00"),
        # Five minutes after it, and by its own clock as well.
        message("acme", "m-4", 1, 8, "2019-02-01T02:05", "2019-02-01T00:05"),
        # A trusted clock needs no review.
        message("acme", "m-5", 1, 9, "2019-01-31T23:59"),
    )
    pipeline.process()
    january, february = "acme:2019-01-01", "acme:2019-02-01"
    assert pipeline.rows(REVIEWS, "acme") == [
        ("m-1", "5", "01-31 23:50", "before", "-600", True, "server", january, True),
        ("m-3", "7", "02-01 00:00", "after", "0", True, "server", february, True),
        ("m-4", "8", "02-01 00:05", "after", "300", False, "server", february, True),
    ]
    pipeline.audit()


def test_evidence_that_proves_the_clock_takes_an_event_off_the_review_list(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 1, "2019-01-31T23:00", "2019-02-01T00:05", session_id="s"))
    pipeline.process()
    # 65 minutes of delay and nothing to explain them: dated by its receipt, five minutes into February.
    assert pipeline.rows(REVIEWS, "acme") == [
        ("m-1", "1", "02-01 00:05", "after", "300", True, "corrected", "acme:2019-02-01", True)
    ]
    pipeline.land(message("acme", "m-1", 2, 1, "2019-02-01T00:06", session_id="s"))
    pipeline.process()
    assert pipeline.rows(REVIEWS, "acme") == []


def test_clock_health_says_what_a_tolerance_would_trust(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["device_types"].append({"device_type": "meter", "max_clock_skew_seconds": "120"})
    # Offsets of 0, -60, 61, 300, 301 and 7,200 s; the last device is of no type.
    offsets = (0, -60, 61, 300, 301)
    devices = [f"m-{n}" for n in range(len(offsets))]
    pipeline.tenant("acme", *devices, device_type="meter")
    pipeline.configuration.tables["devices"].append({"tenant_id": "acme", "device_id": "other"})
    noon = instant("2019-02-10T12:00")
    pipeline.land(
        *(
            message("acme", device, 1, 1, noon, noon + timedelta(seconds=s))
            for device, s in zip(devices, offsets, strict=True)
        ),
        # Not the least delay of its session-day, so no evidence; a second session of the device is counted apart.
        message("acme", "m-0", 2, 1, "2019-02-10T13:00", "2019-02-10T13:10:00"),
        message("acme", "m-0", 3, 1, "2019-02-10T14:00", "2019-02-10T14:00:00", session_id="s"),
        message("acme", "other", 1, 1, "2019-02-10T12:00", "2019-02-10T14:00:00"),
    )
    pipeline.process()
    health = """
    select device_type, received_date::text, device_count, session_count, trusted_session_count,
        untrusted_session_count, corrected_event_count, server_event_count, skew_candidate_count,
        median_offset_seconds::integer, p90_offset_seconds::integer, greatest_offset_seconds::integer,
        array[trusted_ratio_60s, trusted_ratio_120s, trusted_ratio_300s, trusted_ratio_600s, trusted_ratio_1800s]::text,
        max_clock_skew_seconds::integer
    from finance.clock_health order by 1
    """
    # Sorted 0, 0, 60, 61, 300, 301: the third is the median, the sixth holds nine in ten. 3, 4, 5, 6, 6 of 6 sessions.
    untrusted = "{0.000000,0.000000,0.000000,0.000000,0.000000}"
    ratios = "{0.500000,0.666667,0.833333,1.000000,1.000000}"
    assert pipeline.rows(health) == [
        ("meter", "2019-02-10", 5, 6, 4, 2, 2, 0, 0, 60, 301, 301, ratios, 120),
        ("undeclared", "2019-02-10", 1, 1, 0, 1, 1, 0, 0, 7200, 7200, 7200, untrusted, 300),
    ]
    pipeline.audit()


@pytest.mark.skipif(SHARDS is not None, reason="nodes send a report all that it may be about")
def test_a_page_of_the_clock_reports_goes_by_its_day_or_tenant_and_never_through_all_events(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(*(message("acme", "m-1", day, 1, f"2019-02-{day:02}T12:00") for day in range(1, 28)))
    pipeline.process()
    # Tables this small are read whole where that is allowed; without it, a plan shows what it can go by.
    plans = []
    with connect(pipeline.settings) as session:
        session.execute("set enable_seqscan = off")
        for page in ("clock_health where received_date = '2019-02-10'", "boundary_reviews where tenant_id = 'acme'"):
            plan = session.execute(f"explain select * from finance.{page}".encode()).fetchall()
            plans.append("\n".join(line for (line,) in plan))
    of_the_day, of_the_tenant = plans
    assert "session_evidence_received_day_idx" in of_the_day
    assert "events_201902_timezone_idx" in of_the_day
    assert "events_201902_tenant_no_event_at_idx" in of_the_tenant
    for plan in plans:
        assert "Seq Scan on events" not in plan
        assert "Seq Scan on session_evidence" not in plan
