"""A device that sends zeros reports; one that sends nothing is silent, which is no use of zero.

Devices of type `hourly` are expected every 3,600 s; one message may be lost, two are a silence.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support import Message, Pipeline, instant, message

STATES = """
select device_id, state, to_char(last_received_at at time zone 'UTC', 'MM-DD HH24:MI'),
    to_char(silent_since_at at time zone 'UTC', 'MM-DD HH24:MI')
from finance.device_state where tenant_id = 'acme' order by 1
"""
SILENCE = """
select device_id, period_id, expected_hours::text, silent_hours::text from finance.device_silence order by 1, 2
"""


@pytest.fixture
def hourly(pipeline: Pipeline) -> Pipeline:
    """A platform with a device type of which a reading is expected every hour."""
    pipeline.configuration.tables["device_types"].append({"device_type": "hourly", "expected_interval_seconds": "3600"})
    return pipeline


def readings(device: str, start: str, end: str, quantity: object, minutes: int = 60) -> list[Message]:
    """A reading every so many minutes from `start` up to `end`, received as it is measured."""
    at, made = instant(start), []
    while at < instant(end):
        made.append(message("acme", device, int(at.timestamp()), quantity, at, at))
        at += timedelta(minutes=minutes)
    return made


def test_zeros_are_reports_and_silence_is_told_as_of_the_watermark(hourly: Pipeline) -> None:
    hourly.tenant("acme", "zeros", "gone", "edge", "never", device_type="hourly")
    hourly.configuration.tables["devices"] += [
        {"tenant_id": "acme", "device_id": "untyped"},
        {"tenant_id": "acme", "device_id": "past", "device_type": "hourly", "retired_at": "2019-02-10T12:00:00Z"},
    ]
    # The last received day is 10 February: its end is the instant as of which devices are judged, whenever that is.
    hourly.land(
        *readings("zeros", "2019-02-10T00:00", "2019-02-11T00:00", 0),
        *readings("gone", "2019-02-10T00:00", "2019-02-10T12:00", 3),
        # Two hours before midnight exactly: two intervals have passed, not more.
        message("acme", "edge", 1, 1, "2019-02-10T22:00", "2019-02-10T22:00"),
        message("acme", "untyped", 1, 1, "2019-02-10T01:00", "2019-02-10T01:00"),
        message("acme", "past", 1, 1, "2019-02-10T11:00", "2019-02-10T11:00"),
    )
    hourly.process()
    assert hourly.rows(STATES) == [
        ("edge", "reporting", "02-10 22:00", None),
        ("gone", "silent", "02-10 11:00", "02-10 12:00"),
        ("never", "never_reported", None, None),
        ("past", "retired", "02-10 11:00", None),
        ("untyped", "unknown_cadence", "02-10 01:00", None),
        ("zeros", "reporting", "02-10 23:00", None),
    ]
    assert hourly.rows("select distinct as_of_at = '2019-02-11 00:00:00+00' from finance.device_state") == [(True,)]
    used = (
        "select device_id, trim_scale(quantity)::text from finance.device_usage where device_id in ('never', 'zeros')"
    )
    assert hourly.rows(used) == [("zeros", "0")]

    # Another device of the region moves the watermark on, and with it who is silent.
    hourly.land(*readings("zeros", "2019-02-11T00:00", "2019-02-12T00:00", 0))
    hourly.process()
    states = {device: (state, since) for device, state, _, since in hourly.rows(STATES)}
    assert states["edge"] == ("silent", "02-10 23:00")
    assert states["zeros"] == ("reporting", None)
    # A repeat is a sign of life, although it is not billed.
    again = message("acme", "edge", 1, 1, "2019-02-10T22:00", "2019-02-11T23:30")
    hourly.land(again)
    hourly.process()
    assert {device: state for device, state, *_ in hourly.rows(STATES)}["edge"] == "reporting"
    hourly.audit()


def test_silent_hours_of_a_period_are_those_in_which_messages_were_due(hourly: Pipeline) -> None:
    hourly.tenant("acme", "gap", "late", "lost", "zeros", device_type="hourly", starts_at="2019-02-01")
    month = ("2019-02-01T00:00", "2019-03-01T00:00")
    hourly.land(
        *readings("zeros", *month, 0),
        # Silent from 9 February 12:00 (last reading 11:00) to 12 February 00:00: 61 h between readings, less the one
        # hour after which the next was due: 60.
        *readings("gap", month[0], "2019-02-09T12:00", 1),
        *readings("gap", "2019-02-12T00:00", month[1], 1),
        # In service from the period's start; its first reading comes a day later: 24 - 1 = 23.
        *readings("late", "2019-02-02T00:00", month[1], 1),
        # Half a day without readings inside a local day is not seen; the one lost at midnight is within two intervals.
        *readings("lost", month[0], "2019-02-05T00:00", 1),
        *readings("lost", "2019-02-05T01:00", "2019-02-05T06:00", 1),
        *readings("lost", "2019-02-05T18:00", month[1], 1),
    )
    hourly.process()
    february = "acme:2019-02-01"
    assert hourly.rows(SILENCE) == [("gap", february, "672.00", "60.00"), ("late", february, "672.00", "23.00")]


def test_a_period_of_a_fleet_that_was_silent_for_a_quarter_of_its_hours_is_held(hourly: Pipeline) -> None:
    hourly.configuration.tables["device_types"].append({"device_type": "daily", "expected_interval_seconds": "86400"})
    devices = [f"m-{number}" for number in range(10)]
    hourly.tenant("acme", *devices, device_type="daily", grace_hours="0")
    # 28 days. Six devices report every noon; four stop after 7 February noon: 21.5 days to the end, less one
    # interval, 20.5 days of 28 each. 4 * 20.5 * 24 = 1,968 of 6,720 hours are 0.29286.
    for number, device in enumerate(devices):
        end = "2019-03-01T00:00" if number < 6 else "2019-02-07T13:00"
        hourly.land(*readings(device, "2019-02-01T12:00", end, 1, minutes=24 * 60))
    hourly.land(message("acme", "m-0", 1, 1, "2019-03-01T12:00"))
    hourly.process()
    observed = """
    select observed ->> 'silent_ratio', observed ->> 'silent_device_count' from ledger.gate_findings where rule = %s
    """
    rule = "devices_keep_their_cadence"
    assert hourly.close("2019-02", "2019-03-02") == []
    assert hourly.held == {"acme:2019-02-01": rule}
    assert hourly.rows(observed, rule) == [("0.2929", "4")]

    # With their backlog there is nothing to hold.
    for device in devices[6:]:
        backlog = readings(device, "2019-02-08T12:00", "2019-03-01T00:00", 0, minutes=24 * 60)
        hourly.land(*(row | {"session_id": "b"} for row in backlog))
    hourly.process()
    # 6 * 28 + 4 * 7 = 196 kWh.
    assert hourly.close("2019-02", "2019-03-02") == [("INV-acme-2019-02-01", 1, "196.00")]
    assert hourly.held == {}
