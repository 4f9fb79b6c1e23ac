"""What is late, what is only delivered late, and what a second close does about it.

One kWh costs 1.00 EUR. Contracts are in UTC with 72 hours of grace, so February 2019 is billed with what was received
before its boundary, 4 March 00:00.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestration.errors import BadInputError, GateFailedError
from tests.support import Pipeline, instant, message

LATE = """
select device_id, trim_scale(quantity)::text, period_id, trim_scale(lateness_hours)::text, decision
from finance.late_events order by quantity
"""
VERSIONS = """
select invoice_version, total_amount::text, status, difference_amount::text from finance.invoices
where tenant_id = %s order by 1
"""


def test_grace_ends_at_the_boundary_and_not_a_microsecond_earlier(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    # Both were buffered and say when they were published, so their clock is trusted.
    pipeline.land(
        message("acme", "m-1", 1, 10, "2019-02-28T12:00", "2019-03-03T23:59:59.999999", sent_ts="2019-03-03T23:59:58Z"),
        message("acme", "m-1", 2, 20, "2019-02-28T13:00", "2019-03-04T00:00:00", sent_ts="2019-03-03T23:59:59Z"),
    )
    pipeline.process()

    assert pipeline.fleet("acme") == {"acme:2019-02-01": "10"}
    # From 28 February 13:00 to 4 March 00:00: 11 hours and three days.
    assert pipeline.rows(LATE) == [("m-1", "20", "acme:2019-02-01", "83", "not_billed")]
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "10.00")]
    assert pipeline.rows("select sum(late_not_billed_count), sum(stored_count) from governance.load_balance") == [
        (1, 1)
    ]


def test_a_declared_boundary_replaces_the_scheduled_one(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.configuration.tables["period_overrides"].append(
        {
            "tenant_id": "acme",
            "period_start_date": "2019-02-01",
            "closes_at": "2019-03-06T00:00:00Z",
            "reason": "outage",
        }
    )
    pipeline.land(
        message("acme", "m-1", 1, 10, "2019-02-28T12:00", "2019-03-05T23:00", sent_ts="2019-03-05T23:00:00Z"),
        message("acme", "m-1", 2, 20, "2019-02-28T13:00", "2019-03-06T00:00", sent_ts="2019-03-06T00:00:00Z"),
    )
    pipeline.process()

    assert pipeline.fleet("acme") == {"acme:2019-02-01": "10"}
    with pytest.raises(BadInputError, match="2019-03-06T00:00:00Z"):
        pipeline.close("2019-02", "2019-03-05T23:59:59Z")
    assert pipeline.close("2019-02", "2019-03-06") == [("INV-acme-2019-02-01", 1, "10.00")]


def test_a_backlog_of_sixty_hours_is_billed_by_device_time(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    # Silent from 27 February 00:00 for 60 hours; then every hourly reading of 1 kWh in one minute, then live again.
    outage = instant("2019-02-27T00:30")
    reconnected = instant("2019-03-01T12:00")
    backlog = [
        message("acme", "m-1", hour, 1, outage + timedelta(hours=hour), reconnected + timedelta(seconds=hour))
        for hour in range(60)
    ]
    live = message("acme", "m-1", 60, "0.5", reconnected + timedelta(minutes=5))
    pipeline.land(*({**row, "session_id": "after the outage"} for row in (*backlog, live)))
    pipeline.process()

    # 27 and 28 February have 48 of the hours, 1 March the other 12 and the live half kWh.
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "48", "acme:2019-03-01": "12.5"}
    hours = "select bucket_start_at, quantity from finance.usage_hourly where quantity = 1 order by 1"
    assert pipeline.rows(hours) == [(outage.replace(minute=0) + timedelta(hours=hour), 1) for hour in range(60)]
    assert pipeline.rows("select distinct timestamp_source from finance.billing_events") == [("device",)]


def test_what_was_received_in_time_and_loaded_after_the_close_amends_the_invoice(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 10, "2019-02-10"), message("acme", "m-1", 2, 1, "2019-03-05"))
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "10.00")]
    assert pipeline.close("2019-02", "2019-03-04") == []

    # Received on 2 March, before the boundary; our own outage kept it from us until now.
    pipeline.land(message("acme", "m-1", 3, 5, "2019-02-11", "2019-03-02", sent_ts="2019-03-02T00:00:00Z"))
    pipeline.process()
    assert pipeline.rows("select * from finance.late_events") == []

    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 2, "15.00")]
    assert pipeline.close("2019-02", "2019-03-31") == []
    assert pipeline.rows(VERSIONS, "acme") == [(1, "10.00", "amended", None), (2, "15.00", "issued", "5.00")]
    closes = "select reason, closed_at::text from finance.period_closes order by invoice_version"
    assert pipeline.rows(closes) == [
        ("scheduled", "2019-03-04 00:00:00+00"),
        ("amendment", "2019-03-04 00:00:00+00"),
    ]
    # Both versions are reproduced, each from the events that it was made of.
    assert pipeline.prove() == {}


def test_late_ones_change_nothing_about_a_closed_period(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 10, "2019-02-10"))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")

    pipeline.land(message("acme", "m-1", 2, 5, "2019-02-11", "2019-03-20", sent_ts="2019-03-20T00:00:00Z"))
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-31") == []
    # 11 February 00:00 to 20 March 00:00: 18 days of February and 19 of March, 37 x 24 hours.
    assert pipeline.rows(LATE) == [("m-1", "5", "acme:2019-02-01", "888", "not_billed")]


def test_a_close_before_the_boundary_is_refused_with_its_date(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 10, "2019-02-10"), message("acme", "m-1", 2, 1, "2019-03-02"))
    pipeline.process()

    with pytest.raises(BadInputError, match=r"acme:2019-02-01 is not due .* may close from 2019-03-04T00:00:00Z"):
        pipeline.close("2019-02", "2019-03-03T23:59:59.999999Z")
    # Without --as-of: up to the end of the last received day, 3 March 00:00.
    with pytest.raises(BadInputError, match=r"not due as of 2019-03-03T00:00:00Z: it may close from 2019-03-04"):
        pipeline.close("2019-02")
    with pytest.raises(BadInputError, match="2018-12"):
        pipeline.close("2018-12")
    assert pipeline.rows("select * from finance.invoices") == []


def test_a_close_waits_for_messages_that_are_not_metered(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 10, "2019-02-10"))
    pipeline.process()
    (waiting,) = pipeline.land(message("acme", "m-1", 2, 5, "2019-02-11"))
    pipeline.load()

    with pytest.raises(GateFailedError, match=f"all_loads_applied.*{waiting}"):
        pipeline.close("2019-02", "2019-03-04")
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "15.00")]
