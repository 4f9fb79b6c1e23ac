"""Which clock dates an event: a message that is late is not a clock that is wrong.

One kWh costs 1.00 EUR; a clock is trusted while its session's least delay is at most 300 seconds.
"""

from __future__ import annotations

import pytest

from tests.support import Message, Pipeline, message

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
