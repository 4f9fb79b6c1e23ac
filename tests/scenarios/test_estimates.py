"""Hours without a reading: what a contract that estimates is billed, and what happens when the reading comes.

One kWh costs 1.00 EUR. Meters report every hour; periods are months in UTC with 72 hours of grace.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.support import Message, Pipeline, instant, message

MONTH = instant("2019-02-01")
HOURS = 28 * 24
ESTIMATES = """
select to_char(bucket_start_at, 'DD HH24'), trim_scale(quantity)::text, method
from finance.estimated_usage where tenant_id = %s order by bucket_start_at
"""
LINES = """
select invoice_version, trim_scale(quantity)::text, trim_scale(estimated_quantity)::text, quality, amount::text
from finance.invoice_lines join finance.invoices using (invoice_id, invoice_version)
where tenant_id = %s order by 1
"""


def hourly(tenant: str, quantities: dict[int, object], start: datetime = MONTH, first_seq: int = 0) -> list[Message]:
    """One reading at half past each hour after `start` that has a quantity; live, so its clock is trusted."""
    return [
        message(tenant, "m-1", first_seq + hour, quantity, start + timedelta(hours=hour, minutes=30))
        for hour, quantity in quantities.items()
    ]


def test_a_gap_is_filled_on_the_line_and_marked_on_the_line_of_the_invoice(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["device_types"].append({"device_type": "hourly", "expected_interval_seconds": 3600})
    pipeline.tenant("acme", "m-1", device_type="hourly", estimation="linear")
    pipeline.tenant("plain", "m-1", device_type="hourly")
    # 1 kWh an hour before 10 February 00:00, 4 kWh from 03:00; the three hours between are missing.
    quantities = {hour: 1 if hour < 9 * 24 else 4 for hour in range(HOURS) if not 216 <= hour < 219}
    pipeline.land(*hourly("acme", quantities), *hourly("plain", quantities))
    pipeline.process()

    # From 1 (hour 215) to 4 (hour 219) in four steps: 1.75, 2.5, 3.25; together 7.5. Read: 216 x 1 + 453 x 4 = 2028.
    assert pipeline.close("2019-02", "2019-03-04") == [
        ("INV-acme-2019-02-01", 1, "2035.50"),
        ("INV-plain-2019-02-01", 1, "2028.00"),
    ]
    assert pipeline.rows(ESTIMATES, "acme") == [
        ("10 00", "1.75", "linear"),
        ("10 01", "2.5", "linear"),
        ("10 02", "3.25", "linear"),
    ]
    assert pipeline.rows(LINES, "acme") == [(1, "2035.5", "7.5", "estimated", "2035.50")]
    assert pipeline.rows(LINES, "plain") == [(1, "2028", "0", "measured", "2028.00")]
    usage = (
        "select trim_scale(quantity)::text, event_count, trim_scale(estimated_quantity)::text from finance.device_usage"
    )
    assert pipeline.rows(usage + " where tenant_id = 'acme'") == [("2035.5", 669, "7.5")]
    assert pipeline.prove() == {}


def test_the_reading_that_comes_takes_the_place_of_its_estimate(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["device_types"].append({"device_type": "hourly", "expected_interval_seconds": 3600})
    pipeline.tenant("acme", "m-1", device_type="hourly", estimation="linear")
    pipeline.land(*hourly("acme", {hour: 2 for hour in range(HOURS) if hour != 100}))
    pipeline.process()
    # 671 readings of 2 kWh and one hour estimated between 2 and 2.
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "1344.00")]

    # Received on 3 March, within the grace, but loaded after the close: an amendment, not a late message.
    pipeline.land(
        message("acme", "m-1", 100, 5, MONTH + timedelta(hours=100.5), "2019-03-03", sent_ts="2019-03-03T00:00:00Z")
    )
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 2, "1347.00")]
    assert pipeline.rows(LINES, "acme") == [
        (1, "1344", "2", "estimated", "1344.00"),
        (2, "1347", "0", "measured", "1347.00"),
    ]
    assert pipeline.rows(ESTIMATES, "acme") == []
    assert pipeline.prove() == {}


def test_the_same_hour_of_the_last_weeks_fills_a_device_that_fell_silent(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["device_types"].append({"device_type": "hourly", "expected_interval_seconds": 3600})
    pipeline.tenant("acme", "m-1", device_type="hourly", estimation="same_hour")
    # Four weeks to 29 January with as many kWh as the hour of the day; in February the meter says nothing at all.
    start = instant("2019-01-04")
    pipeline.land(*hourly("acme", {hour: hour % 24 for hour in range(28 * 24)}, start))
    # Somebody else's message, so that February is received.
    pipeline.tenant("other", "m-1")
    pipeline.land(message("other", "m-1", 1, 1, "2019-03-05"))
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-other-2019-02-01", 1, "0.00")]
    # Nothing of it was read: somebody has to answer for it.
    assert pipeline.held == {"acme:2019-02-01": "use_is_mostly_read"}
    pipeline.override("usage", "acme:2019-02-01", "Ada", "the meter is known to be broken")
    pipeline.close("2019-02", "2019-03-04")

    # An hour is known while it lies within 28 days before the period, from 4 January on: each hour of the week was read
    # at least once, always with the hour of the day. A day has 0 + ... + 23 = 276, February has 28.
    assert pipeline.rows(LINES, "acme") == [(1, "7728", "7728", "estimated", "7728.00")]
    # No event, so no active device: nothing is counted that did not report.
    assert pipeline.rows("select active_device_count from finance.fleet_usage where period_id = 'acme:2019-02-01'") == [
        (0,)
    ]
    assert pipeline.prove() == {}


def test_a_profile_gives_the_shape_and_the_device_its_level(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["device_types"].append({"device_type": "hourly", "expected_interval_seconds": 3600})
    pipeline.configuration.tables["load_profiles"] = [
        {
            "load_profile": "office",
            "day_type": day,
            "local_hour": hour,
            "weight": 3 if day == "workday" and 8 <= hour < 18 else 1,
        }
        for day in ("workday", "weekend")
        for hour in range(24)
    ]
    pipeline.tenant("acme", "m-1", device_type="hourly", estimation="profile", load_profile="office")
    # The device uses 2 kWh for each weight, as far as it reports: not on Friday 15 and Saturday 16 February.
    shape = {
        hour: 6 if (MONTH + timedelta(hours=hour)).weekday() < 5 and 8 <= hour % 24 < 18 else 2 for hour in range(HOURS)
    }
    missing = range(14 * 24, 16 * 24)
    pipeline.land(*hourly("acme", {hour: use for hour, use in shape.items() if hour not in missing}))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")

    # Friday: 10 hours of 6 and 14 of 2 = 88; Saturday: 24 x 2 = 48. February: 20 workdays of 88, 8 weekend days of 48.
    assert pipeline.rows(LINES, "acme") == [(1, "2144", "136", "estimated", "2144.00")]
    assert pipeline.rows("select method, count(*) from finance.estimated_usage group by 1") == [("profile", 48)]
    assert pipeline.prove() == {}


def test_what_is_not_expected_to_report_hourly_has_no_gaps(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["device_types"] += [
        {"device_type": "daily", "expected_interval_seconds": 86400},
        {"device_type": "when-it-likes"},
    ]
    pipeline.tenant("daily", "m-1", device_type="daily", estimation="linear")
    pipeline.tenant("free", "m-1", device_type="when-it-likes", estimation="linear")
    for tenant in ("daily", "free"):
        pipeline.land(*hourly(tenant, {0: 1, 500: 1}))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")
    assert pipeline.rows(LINES, "daily") == pipeline.rows(LINES, "free") == [(1, "2", "0", "measured", "2.00")]


def test_a_device_is_expected_from_its_first_reading_until_it_is_retired(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["device_types"].append({"device_type": "hourly", "expected_interval_seconds": 3600})
    pipeline.tenant("acme", "m-1", device_type="hourly", estimation="linear")
    pipeline.configuration.tables["devices"][-1] |= {"retired_at": "2019-02-02T12:00:00Z"}
    # Read in the hours 10 and 20 of 1 February: 9 hours of 1 between them, then 15 hours until it was retired.
    pipeline.land(*hourly("acme", {10: 1, 20: 1}))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")
    pipeline.override("usage", "acme:2019-02-01", "Ada", "a meter that was just put in")
    pipeline.close("2019-02", "2019-03-04")
    assert pipeline.rows(LINES, "acme") == [(1, "26", "24", "estimated", "26.00")]
