"""Whose month it is: billing periods in the contract's zone, over clock changes, clipped to the contract.

One kWh costs 1.00 EUR. Grace is 72 elapsed hours.
"""

from __future__ import annotations

from datetime import timedelta

from tests.support import Pipeline, instant, message

PERIODS = """
select period_id, to_char(period_start_at at time zone 'UTC', 'MM-DD HH24:MI'),
    to_char(period_end_at at time zone 'UTC', 'MM-DD HH24:MI'), to_char(boundary_at at time zone 'UTC', 'MM-DD HH24:MI')
from metering.int_named_periods where tenant_id = %s order by period_start_at
"""
DAYS = """
select to_char(bucket_start_at at time zone 'UTC', 'MM-DD HH24:MI'), trim_scale(quantity)::text
from finance.usage_daily where tenant_id = %s order by bucket_start_at
"""
LINES = """
select line_type, trim_scale(quantity)::text, amount::text from finance.invoice_lines
where invoice_id = %s order by line_number
"""


def hourly(tenant: str, first: str, count: int) -> list[dict[str, object]]:
    """One kWh at half past every hour."""
    start = instant(first) + timedelta(minutes=30)
    return [message(tenant, "m-1", hour, 1, start + timedelta(hours=hour)) for hour in range(count)]


def test_march_2019_in_london_ends_an_hour_before_utc(pipeline: Pipeline) -> None:
    pipeline.tenant("thames", "m-1", time_zone="Europe/London", starts_at="2019-03-01")
    # 30 March has 24 hours, 31 March 23 (summer time begins at 01:00), 1 April again 24.
    pipeline.land(*hourly("thames", "2019-03-30T00:00", 71))
    pipeline.land(
        message("thames", "m-1", 100, 10, "2019-03-31T22:59:59.999999"),
        message("thames", "m-1", 101, 20, "2019-03-31T23:00:00"),
    )
    pipeline.process()

    assert pipeline.rows(PERIODS, "thames")[0] == ("thames:2019-03-01", "03-01 00:00", "03-31 23:00", "04-03 23:00")
    assert pipeline.rows(DAYS, "thames") == [("03-30 00:00", "24"), ("03-31 00:00", "33"), ("03-31 23:00", "44")]
    assert pipeline.fleet("thames") == {"thames:2019-03-01": "57", "thames:2019-04-01": "44"}
    # 24 + 23 + 10 = 57; the last instant contained lies in March.
    assert pipeline.close("2019-03", "2019-04-03T23:00:00Z") == [("INV-thames-2019-03-01", 1, "57.00")]
    bounds = "select period_start_at, period_end_at from finance.invoices"
    assert pipeline.rows(bounds) == [(instant("2019-03-01"), instant("2019-03-31T23:00"))]


def test_new_york_and_madrid_bill_the_same_messages_in_their_own_months(pipeline: Pipeline) -> None:
    pipeline.tenant("hudson", "m-1", time_zone="America/New_York")
    pipeline.tenant("retiro", "m-1", time_zone="Europe/Madrid")
    # New York is UTC-5 until 10 March and UTC-4 after it, Madrid UTC+1 until 31 March and UTC+2 after it.
    instants = (
        "2019-02-28T22:59:59.999999", "2019-02-28T23:00", "2019-03-01T04:59:59.999999", "2019-03-01T05:00",
        "2019-03-31T21:59:59.999999", "2019-03-31T22:00", "2019-04-01T03:59:59.999999", "2019-04-01T04:00",
    )  # fmt: skip
    for tenant in ("hudson", "retiro"):
        pipeline.land(*(message(tenant, "m-1", n, 2**n, at) for n, at in enumerate(instants)))
    pipeline.process()

    # New York: the first three are February (1 + 2 + 4), the next four March (8 + 16 + 32 + 64), the last April (128).
    assert pipeline.fleet("hudson") == {
        "hudson:2019-02-01": "7",
        "hudson:2019-03-01": "120",
        "hudson:2019-04-01": "128",
    }
    # Madrid: one, then 2 + 4 + 8 + 16, then 32 + 64 + 128.
    assert pipeline.fleet("retiro") == {"retiro:2019-02-01": "1", "retiro:2019-03-01": "30", "retiro:2019-04-01": "224"}
    march = {row[0]: row[1:] for tenant in ("hudson", "retiro") for row in pipeline.rows(PERIODS, tenant)}
    assert march["hudson:2019-03-01"] == ("03-01 05:00", "04-01 04:00", "04-04 04:00")
    assert march["retiro:2019-03-01"] == ("02-28 23:00", "03-31 22:00", "04-03 22:00")
    assert pipeline.close("2019-03", "2019-04-03T22:00:00Z") == [("INV-retiro-2019-03-01", 1, "30.00")]
    assert pipeline.close("2019-03", "2019-04-04T04:00:00Z") == [("INV-hudson-2019-03-01", 1, "120.00")]


def test_local_days_have_23_and_25_hours_where_the_clock_changes(pipeline: Pipeline) -> None:
    pipeline.tenant("hudson", "m-1", time_zone="America/New_York")
    pipeline.tenant("retiro", "m-1", time_zone="Europe/Madrid")
    # New York 10 March 2019: from 05:00 to 04:00 the day after. Madrid 27 October 2019: from 22:00 to 23:00.
    pipeline.land(*hourly("hudson", "2019-03-10T05:00", 24), *hourly("retiro", "2019-10-26T22:00", 26))
    pipeline.process()

    assert pipeline.rows(DAYS, "hudson") == [("03-10 05:00", "23"), ("03-11 04:00", "1")]
    assert pipeline.rows(DAYS, "retiro") == [("10-26 22:00", "25"), ("10-27 23:00", "1")]


def test_a_contract_that_begins_and_ends_inside_a_month_pays_for_its_days(pipeline: Pipeline) -> None:
    pipeline.configuration.rate_card("fee", (None, "1.00"))
    pipeline.configuration.rate_card("fee", (None, "", "31.00"), metric=None, price_model="flat")
    pipeline.tenant(
        "acme", "m-1", starts_at="2019-02-15", ends_at="2019-03-11", rate_card_id="fee", minimum_spend_amount="62"
    )
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-02-14T23:59:59.999999"),
        message("acme", "m-1", 2, 5, "2019-02-15"),
        message("acme", "m-1", 3, 15, "2019-03-10T23:59:59.999999"),
        message("acme", "m-1", 4, 1, "2019-03-11"),
    )
    pipeline.process()

    # Before and after there is no contract.
    assert pipeline.refused() == [("no_contract", 2)]
    assert pipeline.rows(PERIODS, "acme") == [
        ("acme:2019-02-15", "02-15 00:00", "03-01 00:00", "03-04 00:00"),
        ("acme:2019-03-01", "03-01 00:00", "03-11 00:00", "03-14 00:00"),
    ]
    # 14 of 28 days: fee 31 x 14 / 28 = 15.50, minimum 62 x 14 / 28 = 31.00; 5.00 + 15.50 = 20.50, 10.50 short.
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-15", 1, "31.00")]
    assert pipeline.rows(LINES, "INV-acme-2019-02-15") == [
        ("usage", "5", "5.00"),
        ("flat_fee", "1", "15.50"),
        ("minimum_spend", "1", "10.50"),
    ]
    # 10 of 31 days: fee 31 x 10 / 31 = 10.00, minimum 62 x 10 / 31 = 20.00; 15.00 + 10.00 = 25.00 is above it.
    assert pipeline.close("2019-03", "2019-03-14") == [("INV-acme-2019-03-01", 1, "25.00")]
    assert pipeline.rows(LINES, "INV-acme-2019-03-01") == [("usage", "15", "15.00"), ("flat_fee", "1", "10.00")]


def test_a_new_contract_in_the_middle_of_a_month_makes_two_invoices(pipeline: Pipeline) -> None:
    pipeline.configuration.rate_card("dear", (None, "3.00"))
    pipeline.tenant("acme", "m-1", ends_at="2019-02-15")
    pipeline.configuration.contract("acme-2", "acme", starts_at="2019-02-15", rate_card_id="dear")
    pipeline.land(message("acme", "m-1", 1, 1, "2019-02-14T23:59"), message("acme", "m-1", 2, 2, "2019-02-15"))
    pipeline.land(message("acme", "m-1", 3, 1, "2019-03-05"))
    pipeline.process()

    assert pipeline.close("2019-02") == [("INV-acme-2019-02-01", 1, "1.00"), ("INV-acme-2019-02-15", 1, "6.00")]


def test_an_anchor_of_31_falls_to_the_last_day_of_a_short_month(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1", starts_at="2019-01-31", anchor_day=31)
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-01-31"),
        message("acme", "m-1", 2, 2, "2019-02-27T23:59:59.999999"),
        message("acme", "m-1", 3, 4, "2019-02-28"),
        message("acme", "m-1", 4, 8, "2019-03-30T23:59:59.999999"),
        message("acme", "m-1", 5, 16, "2019-03-31"),
    )
    pipeline.process()

    assert pipeline.fleet("acme") == {"acme:2019-01-31": "3", "acme:2019-02-28": "12", "acme:2019-03-31": "16"}
    # 31 January to 28 February: its last instant lies in February. 28 February to 31 March: in March.
    assert pipeline.close("2019-02", "2019-03-03") == [("INV-acme-2019-01-31", 1, "3.00")]
    assert pipeline.close("2019-03", "2019-04-03") == [("INV-acme-2019-02-28", 1, "12.00")]


def test_a_midnight_that_occurs_twice_is_the_first_and_one_that_does_not_exist_moves_forward(
    pipeline: Pipeline,
) -> None:
    # Havana: on 10 March 2019 the clock goes from 00:00 to 01:00, on 3 November from 01:00 back to 00:00.
    pipeline.tenant(
        "spring", "m-1", time_zone="America/Havana", starts_at="2019-02-10", ends_at="2019-04-10", anchor_day=10
    )
    pipeline.tenant("autumn", "m-1", time_zone="America/Havana", starts_at="2019-10-03", anchor_day=3)
    pipeline.land(
        message("spring", "m-1", 1, 1, "2019-03-10T04:59:59.999999"),
        message("spring", "m-1", 2, 2, "2019-03-10T05:00"),
        message("autumn", "m-1", 1, 1, "2019-11-03T03:59:59.999999"),
        message("autumn", "m-1", 2, 2, "2019-11-03T04:00"),
        message("autumn", "m-1", 3, 4, "2019-11-03T05:00"),
    )
    pipeline.process()

    assert pipeline.fleet("spring") == {"spring:2019-02-10": "1", "spring:2019-03-10": "2"}
    assert pipeline.fleet("autumn") == {"autumn:2019-10-03": "1", "autumn:2019-11-03": "6"}
    # 10 February to 9 March; 3 October to 2 November.
    assert pipeline.close("2019-03", "2019-03-20") == [("INV-spring-2019-02-10", 1, "1.00")]
    assert pipeline.close("2019-11", "2019-11-20") == [("INV-autumn-2019-10-03", 1, "1.00")]


def test_a_calendar_of_its_own_cuts_weeks_of_five_four_and_four(pipeline: Pipeline) -> None:
    pipeline.configuration.calendar("retail", "2018-12-30", "2019-02-03", "2019-03-03", "2019-03-31")
    pipeline.configuration.rate_card("fee", (None, "1.00"))
    pipeline.configuration.rate_card("fee", (None, "", "35.00"), metric=None, price_model="flat")
    pipeline.tenant(
        "shop", "m-1", time_zone="Europe/Madrid", starts_at="2019-01-06", billing_cycle="retail", rate_card_id="fee"
    )
    # Madrid is an hour ahead of UTC until 31 March 2019, 02:00 there.
    pipeline.land(
        message("shop", "m-1", 1, 1, "2019-01-05T23:00"),
        message("shop", "m-1", 2, 2, "2019-02-02T22:59:59.999999"),
        message("shop", "m-1", 3, 4, "2019-02-02T23:00"),
        message("shop", "m-1", 4, 8, "2019-03-30T22:59:59.999999"),
        message("shop", "m-1", 5, 16, "2019-03-30T23:00"),
    )
    pipeline.process()

    # The calendar ends on 31 March: what comes after it is in no period until it has more dates.
    assert pipeline.fleet("shop") == {"shop:2019-01-06": "3", "shop:2019-02-03": "4", "shop:2019-03-03": "8"}
    assert pipeline.refused() == [("no_contract", 1)]
    # 6 January to 2 February are 28 of the 35 days of 30 December to 2 February: 35 x 28 / 35 = 28.00, and 3 kWh.
    assert pipeline.close("2019-02", "2019-02-05T23:00:00Z") == [("INV-shop-2019-01-06", 1, "31.00")]
    # A whole cycle of 28 days pays the whole fee.
    assert pipeline.close("2019-03", "2019-03-05T23:00:00Z") == [("INV-shop-2019-02-03", 1, "39.00")]


def test_a_change_of_zone_and_contract_on_one_date_makes_two_invoices(pipeline: Pipeline) -> None:
    # At 10:00 UTC on 1 March it is 23:00 of that day in Auckland, and 02:00 in Los Angeles.
    pipeline.tenant("acme", "m-1", time_zone="Pacific/Auckland", ends_at="2019-03-01T10:00:00Z")
    pipeline.configuration.contract("acme-2", "acme", time_zone="America/Los_Angeles", starts_at="2019-03-01T10:00:00Z")
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-02-28T10:59:59.999999"),
        message("acme", "m-1", 2, 2, "2019-02-28T11:00"),
        message("acme", "m-1", 3, 4, "2019-03-01T09:59:59.999999"),
        message("acme", "m-1", 4, 8, "2019-03-01T10:00"),
        message("acme", "m-1", 5, 16, "2019-04-01T07:00"),
    )
    pipeline.process()

    # Both periods begin on their 1 March: the later one has the name of the next date.
    assert pipeline.fleet("acme") == {
        "acme:2019-02-01": "1", "acme:2019-03-01": "6", "acme:2019-03-02": "8", "acme:2019-04-01": "16",
    }  # fmt: skip
    assert pipeline.close("2019-03", "2019-04-10") == [
        ("INV-acme-2019-03-01", 1, "6.00"),
        ("INV-acme-2019-03-02", 1, "8.00"),
    ]


def test_weeks_are_closed_with_the_month_of_their_last_instant(pipeline: Pipeline) -> None:
    # 6 February 2019 is a Wednesday, the third day of the week.
    pipeline.tenant("acme", "m-1", starts_at="2019-02-06", billing_cycle="weekly", anchor_day=3)
    pipeline.land(*(message("acme", "m-1", n, n, f"2019-02-{6 + n:02}T12:00") for n in range(1, 23)))
    pipeline.land(message("acme", "m-1", 99, 99, "2019-03-05T23:59:59"))
    pipeline.process()

    # The week of the 6th holds n = 1..6, then 7..13, 14..20; the week of 27 February 21, 22 and the 99 of 5 March.
    assert pipeline.fleet("acme") == {
        "acme:2019-02-06": "21",
        "acme:2019-02-13": "70",
        "acme:2019-02-20": "119",
        "acme:2019-02-27": "142",
    }
    # Grace makes them due on the 16th, the 23rd and on 2 March; the last of the weeks ends on 6 March.
    assert [row[0] for row in pipeline.close("2019-02", "2019-02-23")] == ["INV-acme-2019-02-06", "INV-acme-2019-02-13"]
    assert pipeline.close("2019-02", "2019-03-02") == [("INV-acme-2019-02-20", 1, "119.00")]
    assert pipeline.close("2019-03", "2019-03-09") == [("INV-acme-2019-02-27", 1, "142.00")]


def test_a_period_closes_although_the_one_before_is_open(pipeline: Pipeline) -> None:
    """RULES 33: March is closed first and does not bill February's use, which its own close bills later."""
    pipeline.tenant("acme", "m-1", starts_at="2019-02-01")
    pipeline.land(message("acme", "m-1", 1, 4, "2019-02-10T12:00"), message("acme", "m-1", 2, 8, "2019-03-10T12:00"))
    pipeline.process()
    assert pipeline.close("2019-03", "2019-04-10") == [("INV-acme-2019-03-01", 1, "8.00")]
    assert pipeline.close("2019-02", "2019-04-10") == [("INV-acme-2019-02-01", 1, "4.00")]
