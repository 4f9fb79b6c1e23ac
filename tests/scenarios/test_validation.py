"""Readings that are unusual, missing or doubtful: what is billed all the same, and which flags the line carries.

One kWh, and one m3, costs 1.00 EUR; periods are months in UTC with 72 hours of grace. A flag never changes an amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from tests.support import Message, Pipeline, instant, message

MONTH = instant("2019-02-01")
LINES = """
select invoice_version, amount::text, quality_flags from finance.invoice_lines
where invoice_id = %s order by invoice_version, line_number
"""
USAGE = """
select device_id, trim_scale(quantity)::text, quality_flags from finance.device_usage where tenant_id = %s order by 1
"""
REVIEWS = """
select flag, to_char(first_hour_at, 'DD HH24'), to_char(last_hour_at, 'DD HH24'), trim_scale(quantity)::text,
    trim_scale(limit_value)::text
from finance.reading_reviews where tenant_id = %s order by 1, first_hour_at
"""


def use(tenant: str, quantities: Mapping[int, object], device: str = "m-1", **others: object) -> list[Message]:
    """One message at half past each hour of February (0: the first) that has a quantity."""
    return [
        message(tenant, device, hour, quantity, MONTH + timedelta(hours=hour, minutes=30), **others)
        for hour, quantity in quantities.items()
    ]


def billed(pipeline: Pipeline, tenant: str) -> tuple[str, str]:
    """Amount and flags of the only line of a tenant's first invoice."""
    ((version, amount, flags),) = pipeline.rows(LINES, f"INV-{tenant}-2019-02-01")
    assert version == 1
    return amount, flags


def meter(pipeline: Pipeline, tenant: str, *devices: str, **limits: object) -> None:
    """A tenant whose devices are of a type of its own, with these limits."""
    pipeline.configuration.tables["device_types"].append({"device_type": f"{tenant}-type", **limits})
    pipeline.tenant(tenant, *(devices or ("m-1",)), device_type=f"{tenant}-type")


def water(pipeline: Pipeline) -> None:
    """Cubic metres by a register."""
    pipeline.configuration.metric("volume", unit="m3", reading_type="cumulative")
    pipeline.configuration.rate_card("euro-per-kwh", (None, "1.00"), metric="volume")


def test_every_rule_flags_its_own_hours_and_no_amount_changes(pipeline: Pipeline) -> None:
    meter(pipeline, "gap", expected_interval_seconds=3600)
    meter(pipeline, "spike", spike_factor=5)
    meter(pipeline, "stuck", stuck_after_hours=4)
    meter(pipeline, "high", max_use_per_hour=10)
    meter(pipeline, "low", min_use_per_hour="0.5")
    meter(pipeline, "plain")

    # Each hour from 0 to 5; 2 and 3 are missing, and everything after 5 until the month ends.
    pipeline.land(*use("gap", {0: 1, 1: 1, 4: 1, 5: 1}))
    # At noon of eleven days: seven of 1, so that 5 times the median is 5; 5 is not above it, 6 is. Before, 9 has only
    # one day to be compared with.
    noons = [1, 9, 1, 1, 1, 1, 1, 5, 6, 1, 1]
    pipeline.land(*use("spike", {12 + 24 * day: kwh for day, kwh in enumerate(noons)}))
    # 3 kWh in three hours running is below the limit of four, 7 kWh in four is not; nor is 0, for nobody is at home.
    hours = [1, 3, 3, 3, 2, 7, 7, 7, 7, 2, 0, 0, 0, 0, 0]
    pipeline.land(*use("stuck", dict(enumerate(hours))))
    pipeline.land(*use("high", {0: 10, 1: 11, 2: "10.5", 3: 1, 4: 12}))
    pipeline.land(*use("low", {0: "0.5", 1: "0.25", 2: 0, 3: 1}))
    pipeline.land(*use("plain", {0: 0, 1: 999, 2: 999, 3: 999}))
    pipeline.process()
    assert pipeline.rows(USAGE, "spike") == [("m-1", "28", "")]
    pipeline.close("2019-02", "2019-03-04")

    assert billed(pipeline, "gap") == ("4.00", "gap")
    assert billed(pipeline, "spike") == ("28.00", "spike")
    assert billed(pipeline, "stuck") == ("42.00", "stuck")
    assert billed(pipeline, "high") == ("44.50", "high")
    assert billed(pipeline, "low") == ("1.75", "low")
    assert billed(pipeline, "plain") == ("2997.00", "")
    assert pipeline.rows(USAGE, "spike") == [("m-1", "28", "spike")]

    assert pipeline.rows(REVIEWS, "gap") == [
        ("gap", "01 02", "01 03", None, "3600"),
        ("gap", "01 06", "28 23", None, "3600"),
    ]
    assert pipeline.rows(REVIEWS, "spike") == [("spike", "09 12", "09 12", "6", "5")]
    assert pipeline.rows(REVIEWS, "stuck") == [("stuck", "01 05", "01 08", "28", "4")]
    assert pipeline.rows(REVIEWS, "high") == [
        ("high", "01 01", "01 02", "21.5", "10"),
        ("high", "01 04", "01 04", "12", "10"),
    ]
    assert pipeline.rows(REVIEWS, "low") == [("low", "01 01", "01 02", "0.25", "0.5")]
    assert pipeline.rows(REVIEWS, "plain") == []
    assert pipeline.prove() == {}
    pipeline.audit()


def test_registers_that_fall_jump_or_stand_still(pipeline: Pipeline) -> None:
    water(pipeline)
    meter(pipeline, "falls")
    meter(pipeline, "jumps", max_use_per_hour=10)
    meter(pipeline, "stands", stuck_after_hours=5)
    meter(pipeline, "idle", stuck_after_hours=5)
    volume = {"metric": "volume"}
    pipeline.land(*use("falls", {0: 100, 1: 103, 2: 101, 3: 102, 4: 104}, **volume))
    # 13 m3 in one hour are too much; 14 in two are not.
    pipeline.land(*use("jumps", {0: 100, 1: 101, 2: 114, 3: 115}, **volume))
    # Eight hours of 1 and 2 m3 by turns, then five without any, four of use, and four without any.
    moving = [0, 1, 3, 4, 6, 7, 9, 10, 12, 12, 12, 12, 12, 12, 13, 15, 16, 18, 18, 18, 18, 18]
    pipeline.land(*use("stands", dict(enumerate(moving)), **volume))
    # Standing still is all that this one ever did.
    pipeline.land(*use("idle", dict.fromkeys(range(30), 7), **volume))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")

    # 3 up to the highest reading, and 1 above it.
    assert billed(pipeline, "falls") == ("4.00", "reverse")
    assert pipeline.rows(REVIEWS, "falls") == [("reverse", "01 02", "01 03", "0", None)]
    assert billed(pipeline, "jumps") == ("15.00", "high")
    assert pipeline.rows(REVIEWS, "jumps") == [("high", "01 02", "01 02", "0", "10")]
    assert billed(pipeline, "stands") == ("18.00", "stuck")
    assert pipeline.rows(REVIEWS, "stands") == [("stuck", "01 09", "01 13", "0", "5")]
    assert pipeline.rows(LINES, "INV-idle-2019-02-01") == []
    assert pipeline.rows(REVIEWS, "idle") == []
    assert pipeline.prove() == {}


def test_a_line_carries_the_flags_of_all_its_devices_and_what_their_messages_say(pipeline: Pipeline) -> None:
    pipeline.configuration.rate_card("euro-per-kwh", (None, "2.00"), charge_basis="active_devices")
    pipeline.configuration.rate_card("euro-per-kwh", ("", "", "5.00"), metric=None, price_model="flat")
    pipeline.configuration.tables["device_types"].append(
        {"device_type": "hourly", "expected_interval_seconds": 3600, "max_use_per_hour": 10}
    )
    pipeline.tenant("acme", "m-1", "m-2", "m-3", device_type="hourly", estimation="linear")
    month = range(28 * 24)
    # One hour between 1 and 1 kWh is missing, and estimated.
    pipeline.land(*use("acme", {hour: 1 for hour in month if hour != 5}))
    readings = use("acme", {hour: 11 if hour == 2 else 1 for hour in month}, device="m-2")
    readings[0]["quality"] = "good"
    readings[2]["quality"] = "questionable, derived"
    readings[3]["quality"] = "questionable"
    pipeline.land(*readings, *use("acme", dict.fromkeys(month, 1), device="m-3"))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")

    # 672 + 682 + 672 kWh at 1.00, three devices at 2.00, and the fee.
    assert pipeline.rows(LINES, "INV-acme-2019-02-01") == [
        (1, "6.00", "derived,gap,high,questionable"),
        (1, "2026.00", "derived,estimated,gap,high,questionable"),
        (1, "5.00", ""),
    ]
    assert pipeline.rows(USAGE, "acme") == [
        ("m-1", "672", "estimated,gap"),
        ("m-2", "682", "derived,high,questionable"),
        ("m-3", "672", ""),
    ]
    assert pipeline.rows(REVIEWS, "acme") == [
        ("derived", "01 02", "01 02", "11", None),
        ("gap", "01 05", "01 05", None, "3600"),
        ("high", "01 02", "01 02", "11", "10"),
        ("questionable", "01 02", "01 03", "12", None),
    ]
    assert pipeline.prove() == {}


def test_a_flag_alone_makes_no_version_and_a_version_has_the_flags_of_its_day(pipeline: Pipeline) -> None:
    meter(pipeline, "acme", max_use_per_hour=10)
    pipeline.land(*use("acme", {0: 11, 1: 2, 2: 3}))
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "16.00")]

    # Two is little, all at once: nobody's bill changes by it.
    pipeline.configuration.tables["device_types"][-1]["min_use_per_hour"] = "2.5"
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == []

    # In time, but loaded after the close: the hour of 11 grows to 15, and a fourth hour comes.
    pipeline.land(
        message("acme", "m-1", 10, 4, MONTH + timedelta(minutes=40)),
        message("acme", "m-1", 11, 1, MONTH + timedelta(hours=7), quality="E"),
    )
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 2, "21.00")]
    assert pipeline.rows(LINES, "INV-acme-2019-02-01") == [(1, "16.00", "high"), (2, "21.00", "E,high,low")]
    assert pipeline.rows(USAGE, "acme") == [("m-1", "21", "E,high,low")]
    assert pipeline.rows(REVIEWS + ", invoice_version", "acme") == [
        ("E", "01 07", "01 07", "1", None),
        ("high", "01 00", "01 00", "11", "10"),
        ("high", "01 00", "01 00", "15", "10"),
        ("low", "01 01", "01 01", "2", "2.5"),
        ("low", "01 07", "01 07", "1", "2.5"),
    ]
    assert pipeline.prove() == {}

    pipeline.execute(
        "insert into store.closed_flags select now(), now(), tenant_no, period_no, device_no, metric_no, 1, 'low'"
        " from store.closed_usage where invoice_version = 1"
    )
    ((problem,),) = pipeline.prove().values()
    assert problem == "INV-acme-2019-02-01 version 1: flagged hours that differ: stored 1, rated 0"


def test_a_register_is_stuck_by_what_it_used_the_month_before(pipeline: Pipeline) -> None:
    water(pipeline)
    meter(pipeline, "well", stuck_after_hours=6)
    # A register that moved for eight hours, and then not for the two that were left of February and four of March.
    moving = [0, 1, 3, 4, 6, 7, 9, 10, 12] + [12] * 6
    pipeline.land(*use("well", {24 * 28 - 11 + hour: m3 for hour, m3 in enumerate(moving)}, metric="volume"))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")
    pipeline.close("2019-03", "2019-04-04")
    assert pipeline.rows(REVIEWS, "well") == [("stuck", "01 00", "01 03", "0", "6")]
    assert pipeline.prove() == {}


def test_hours_are_judged_by_the_month_before_also_once_its_events_are_folded(pipeline: Pipeline) -> None:
    meter(pipeline, "acme", spike_factor=3, stuck_after_hours=6)
    # The last seven noons of February at 2 kWh, and the first of March at 7; the last three hours of February and the
    # first three of March at 4.
    noons = {12 + 24 * day: 2 for day in range(21, 28)} | {12 + 24 * 28: 7}
    pipeline.land(*use("acme", noons | dict.fromkeys(range(24 * 28 - 3, 24 * 28 + 3), 4)))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")
    pipeline.close("2019-03", "2019-04-04")

    reviews = [("spike", "01 12", "01 12", "7", "6"), ("stuck", "01 00", "01 02", "12", "6")]
    # Of February nothing was unusual: its three hours were not yet six.
    assert pipeline.rows(REVIEWS, "acme") == reviews
    assert pipeline.rows(LINES, "INV-acme-2019-03-01") == [(1, "19.00", "spike,stuck")]
    assert pipeline.prove() == {}

    pipeline.execute("select store.fold_month('2019-02-01', 'Ada Okafor', 'two years kept')")
    assert pipeline.prove() == {}
    assert pipeline.rows(REVIEWS, "acme") == reviews
