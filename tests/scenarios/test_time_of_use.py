"""Prices that depend on when use was: parts of the day, windows, peaks, and the days on which clocks change."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orchestration.errors import BadInputError
from orchestration.importing.sce import read_sce
from orchestration.importing.tariff import CardName
from orchestration.importing.urdb import read_urdb
from tests.support import Message, Pipeline, documented_tables, documented_text, message

LINES = """
select coalesce(part, ''), tier_number, trim_scale(quantity)::text, trim_scale(unit_price)::text, amount::text
from finance.invoice_lines where invoice_id = 'INV-' || %s || '-2023-10-01' order by line_number
"""
# On 26 March 2023 the clocks of Berlin skip 02:00 to 03:00, on 29 October they pass 02:00 to 03:00 twice.
BERLIN = ZoneInfo("Europe/Berlin")
PEAK_EVENING = (
    {"sequence": 1, "part": "peak", "days": "weekday", "starts_time": "17:00", "ends_time": "20:00"},
    {"sequence": 2, "part": "night", "starts_time": "00:00", "ends_time": "06:00"},
    {"sequence": 3, "part": "day"},
)
TARIFFS = Path(__file__).parents[1] / "data" / "tariffs"
# The day of a charging station, in kWh by hour (profiles.json).
EV_PROFILE = (*[42] * 5, *[30] * 8, *[18] * 3, 0, 0, 20, 0, 0, *[42] * 3)
PRICES = {"peak": "0.50", "night": "0.10", "day": "0.30"}
# Examples of the documentation, each a tenant.
DOCUMENTED = {
    "Wednesday, 17:30": "wednesday",
    "Saturday, 17:30": "saturday",
    "the night in which clocks go back: 02:30 in summer time, 02:30 an hour later": "clocks-go-back",
}


@pytest.fixture(scope="module")
def closed(shared_pipeline: Pipeline) -> Pipeline:
    """All cases as tenants of one run: October 2023 is processed and closed."""
    pipeline = shared_pipeline
    configure(pipeline)
    pipeline.land(*use())
    pipeline.process()
    pipeline.close("2023-09", "2023-11-10")
    pipeline.close("2023-10", "2023-11-10")
    return pipeline


def configure(pipeline: Pipeline) -> None:
    tables = pipeline.configuration.tables
    tables["time_of_use"] = [
        *({"schedule": "evening"} | row for row in PEAK_EVENING),
        *({"schedule": "bank holidays", "calendar": "de"} | row for row in PEAK_EVENING),
        {"schedule": "quarter past", "sequence": 1, "part": "peak", "starts_time": "17:15", "ends_time": "17:30"},
        {"schedule": "quarter past", "sequence": 2, "part": "day"},
    ]
    tables["holidays"] = [{"calendar": "de", "holiday_date": "2023-10-03", "name": "Tag der Deutschen Einheit"}]
    timed(pipeline, "evening", PRICES, schedule="evening")
    timed(pipeline, "holiday", PRICES, schedule="bank holidays")
    timed(pipeline, "quarter", {"peak": "1", "day": "0.1"}, schedule="quarter past")
    for meaning in ("per_part", "cumulative", "month_end"):
        tiered(pipeline, meaning)
    pipeline.configuration.rate_card("by-hour", (2, "1.00"), (None, "2.00"), price_model="graduated", window="hour")
    pipeline.configuration.rate_card("by-day", (2, "1.00"), (None, "2.00"), price_model="graduated", window="day")
    for minutes in (15, 60):
        pipeline.configuration.rate_card(
            f"demand-{minutes}", (None, "10"), charge_basis="peak_demand", demand_minutes=minutes
        )
    pipeline.configuration.rate_card(
        "demand-tiers", (10, "5"), (None, "8"), charge_basis="peak_demand", demand_minutes=15, price_model="graduated"
    )
    timed(pipeline, "demand-parts", PRICES, schedule="evening", charge_basis="peak_demand", demand_minutes=60)
    pipeline.configuration.metric("fed_in", unit="kWh")
    timed(pipeline, "net", PRICES, schedule="evening", net_metric="fed_in")
    pipeline.configuration.rate_card("by-the-day", (None, "0.25"), charge_basis="days", metric=None)
    tenants = (
        "evening", "holiday", "quarter", "per_part", "cumulative", "month_end", "by-hour", "by-day", "demand-15",
        "demand-60", "demand-parts", "demand-tiers", "net", "by-the-day", "jackson",
    )  # fmt: skip
    for tenant in tenants:
        pipeline.tenant(tenant, "m-1", "m-2", rate_card_id=tenant, time_zone="Europe/Berlin", starts_at="2023-10-01")
    pipeline.configuration.rate_card(
        "ratchet", (None, "10"), charge_basis="peak_demand", demand_minutes=60, ratchet_percent=50, ratchet_periods=11
    )
    pipeline.tenant("ratchet", "m-1", rate_card_id="ratchet", time_zone="Europe/Berlin", starts_at="2023-09-01")
    for tenant in ("late", *DOCUMENTED.values()):
        pipeline.tenant(tenant, "m-1", rate_card_id="evening", time_zone="Europe/Berlin", starts_at="2023-10-01")
    # What is silent is estimated between its readings, until the meter was taken out.
    tables["device_types"].append({"device_type": "hourly", "expected_interval_seconds": 3600})
    pipeline.tenant(
        "silent", "m-1", device_type="hourly", rate_card_id="evening", time_zone="Europe/Berlin",
        starts_at="2023-10-01", estimation="linear",
    )  # fmt: skip
    tables["devices"][-1]["retired_at"] = "2023-10-10T21:00"
    pipeline.configuration.metric("reading", unit="kWh", reading_type="cumulative")
    timed(pipeline, "register", PRICES, metric="reading", schedule="evening")
    pipeline.tenant("register", "m-1", rate_card_id="register", time_zone="Europe/Berlin", starts_at="2023-10-01")
    tariff = read_sce(TARIFFS / "sce" / "tou_ev_7.json", CardName("sce", currency_code="EUR"))
    for table, rows in tariff.tables.items():
        tables.setdefault(table, []).extend(rows)
    tariff = read_urdb(TARIFFS / "urdb" / "urdb_jackson_emc_a_senior.json", CardName("jackson", currency_code="EUR"))
    for table, rows in tariff.tables.items():
        tables.setdefault(table, []).extend(rows)
    pipeline.tenant("sce", "m-1", rate_card_id="sce", time_zone="Europe/Berlin", starts_at="2023-10-01")
    pipeline.configuration.rate_card("yearly", (None, "1"))
    tables["rate_card_terms"] = [{"rate_card_id": "yearly", "annual_minimum_amount": 366}]
    pipeline.tenant("yearly", "m-1", rate_card_id="yearly", starts_at="2023-09-01", ends_at="2023-11-01")
    # Nepal's clock is 5:45 ahead, so that its hours are no hours of UTC.
    pipeline.tenant("nepal", "m-1", rate_card_id="evening", time_zone="Asia/Kathmandu", starts_at="2023-10-01")


def timed(pipeline: Pipeline, card: str, prices: dict[str, str], **columns: object) -> None:
    """A card with a price for each part."""
    pipeline.configuration.rate_card(card, price_model="time_of_use", **columns)
    key = {
        "rate_card_id": card,
        "metric": columns.get("metric", "energy"),
        "charge_basis": columns.get("charge_basis", "usage"),
    }
    for part, price in prices.items():
        pipeline.configuration.tables["rate_card_tiers"].append(
            key | {"part": part, "tier_number": 1, "unit_price": price}
        )


def tiered(pipeline: Pipeline, meaning: str) -> None:
    """Up to 10 kWh at 1 by day and 0.5 at night, above at 3 and 2."""
    pipeline.configuration.rate_card(meaning, price_model="time_of_use", schedule="evening", tier_meaning=meaning)
    for part, low, high in (("day", "1", "3"), ("peak", "1", "3"), ("night", "0.5", "2")):
        for number, up_to, price in ((1, "10", low), (2, "", high)):
            pipeline.configuration.tables["rate_card_tiers"].append(
                {
                    "rate_card_id": meaning, "metric": "energy", "part": part, "tier_number": number, "up_to": up_to,
                    "unit_price": price,
                }
            )  # fmt: skip


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def use() -> list[Message]:
    """What the tenants used."""
    rows = []
    for tenant in ("evening", "holiday", "net"):
        # 4 kWh at 17:30 of Tuesday, 3 October (a holiday), of Wednesday, and of Saturday; in the night of Sunday the
        # 29th, when the clock goes back, 2 kWh in each of six hours.
        for number, day in enumerate(("03", "04", "07"), start=1):
            rows.append(message(tenant, "m-1", number, 4, berlin(f"2023-10-{day}T17:30")))
        first = berlin("2023-10-29T01:30").astimezone(ZoneInfo("UTC"))
        rows += [message(tenant, "m-2", hour, 2, first + timedelta(hours=hour)) for hour in range(6)]
    rows.append(message("wednesday", "m-1", 1, 4, berlin("2023-10-04T17:30")))
    rows.append(message("saturday", "m-1", 1, 4, berlin("2023-10-07T17:30")))
    for number in range(2):
        rows.append(message("clocks-go-back", "m-1", number, 2, berlin("2023-10-29T02:30").replace(fold=number)))
    # Of the 4 kWh of Wednesday evening one went back, at night 20.
    rows.append(message("net", "m-1", 1, 1, berlin("2023-10-04T18:00"), metric="fed_in"))
    rows.append(message("net", "m-1", 2, 20, berlin("2023-10-05T02:00"), metric="fed_in"))
    for number, minute in enumerate((14, 15, 29, 30), start=1):
        rows.append(message("quarter", "m-1", number, 8, berlin(f"2023-10-10T17:{minute}")))
    for meaning in ("per_part", "cumulative", "month_end"):
        rows.append(message(meaning, "m-1", 1, 8, berlin("2023-10-10T12:00")))
        rows.append(message(meaning, "m-1", 2, 12, berlin("2023-10-11T03:00")))
        rows.append(message(meaning, "m-1", 3, 4, berlin("2023-10-12T12:00")))
    for tenant in ("by-hour", "by-day"):
        rows.append(message(tenant, "m-1", 1, 3, berlin("2023-10-10T12:10")))
        rows.append(message(tenant, "m-2", 1, 1, berlin("2023-10-10T12:50")))
        rows.append(message(tenant, "m-1", 2, 1, berlin("2023-10-10T23:59:59")))
        rows.append(message(tenant, "m-1", 3, 2, berlin("2023-10-11T00:00")))
    # In October, which is of the winter's prices.
    rows.append(message("jackson", "m-1", 1, 1200, berlin("2023-10-10T12:00")))
    for tenant in ("demand-15", "demand-60", "demand-parts", "demand-tiers"):
        # 5 kWh in one quarter of an hour; 3 kWh in each of four, from two devices; at night 2 kWh.
        rows.append(message(tenant, "m-1", 1, 5, berlin("2023-10-10T12:05")))
        for number, minute in enumerate((0, 15, 30, 45), start=1):
            rows.append(message(tenant, f"m-{number % 2 + 1}", 10 + number, 3, berlin(f"2023-10-11T18:{minute:02}")))
        rows.append(message(tenant, "m-2", 30, 2, berlin("2023-10-12T03:00")))
    # 16:44 and 16:45, 19:59 and 20:00 by Nepal's clock, and midnight.
    for number, minute in enumerate(("10:59", "11:15", "14:14", "14:15", "18:15"), start=1):
        rows.append(message("nepal", "m-1", number, 1, f"2023-10-10T{minute}"))
    # 40 kW in September, 10 in October.
    rows.append(message("ratchet", "m-1", 1, 40, berlin("2023-09-10T12:00")))
    rows.append(message("ratchet", "m-1", 2, 10, berlin("2023-10-10T12:00")))
    rows.append(message("yearly", "m-1", 1, 10, "2023-09-10T12:00"))
    rows.append(message("yearly", "m-1", 2, 5, "2023-10-10T12:00"))
    # Two kWh at peak that came when October was closed.
    rows.append(message("late", "m-1", 1, 4, berlin("2023-10-04T17:30")))
    rows.append(
        message("late", "m-1", 2, 2, berlin("2023-10-04T18:30"), "2023-11-20T12:00", sent_ts="2023-11-20T12:00:00Z")
    )
    # Nothing was read in the hours of 17:00 and 18:00.
    for number, hour in enumerate((15, 16, 19, 20), start=1):
        rows.append(message("silent", "m-1", number, 2, berlin(f"2023-10-10T{hour}:00")))
    # The register shows 100, then 103 by day, 108 at peak.
    for number, (hour, reading) in enumerate(((11, 100), (16, 103), (18, 108)), start=1):
        rows.append(message("register", "m-1", number, reading, berlin(f"2023-10-10T{hour}:00"), metric="reading"))
    first = berlin("2023-10-01T00:00").astimezone(ZoneInfo("UTC"))
    for hour in range(31 * 24):
        rows.append(message("sce", "m-1", hour, EV_PROFILE[hour % 24], first + timedelta(hours=hour)))
    rows.append(message("by-the-day", "m-1", 1, 1, berlin("2023-10-10T12:00")))
    return rows


def test_each_part_has_its_price_by_the_local_clock(closed: Pipeline) -> None:
    # Peak on weekdays: the 3rd and the 4th; by day Saturday's 4. Six hours of 2 kWh from 01:30 on lie in the night, for
    # 02:30 comes twice: 01:30, 02:30, 02:30, 03:30, 04:30, 05:30. By a clock that does not change the last were by day.
    assert closed.rows(LINES, "evening") == [
        ("day", 1, "4", "0.3", "1.20"),
        ("night", 1, "12", "0.1", "1.20"),
        ("peak", 1, "8", "0.5", "4.00"),
    ]


def test_a_holiday_is_no_weekday(closed: Pipeline) -> None:
    assert closed.rows(LINES, "holiday") == [
        ("day", 1, "8", "0.3", "2.40"),
        ("night", 1, "12", "0.1", "1.20"),
        ("peak", 1, "4", "0.5", "2.00"),
    ]


def test_bounds_within_an_hour_are_kept_to_the_minute(closed: Pipeline) -> None:
    # 17:15 and 17:29 lie within, 17:14 and 17:30 do not.
    assert closed.rows(LINES, "quarter") == [("day", 1, "16", "0.1", "1.60"), ("peak", 1, "16", "1", "16.00")]


def test_a_zone_between_the_hours_has_its_own(closed: Pipeline) -> None:
    # 16:44 is day, 17:00 and 19:59 peak, 20:00 day, 24:00 night.
    assert closed.rows(LINES, "nepal") == [
        ("day", 1, "2", "0.3", "0.60"),
        ("night", 1, "1", "0.1", "0.10"),
        ("peak", 1, "2", "0.5", "1.00"),
    ]


def test_tiers_meet_parts_in_three_ways(closed: Pipeline) -> None:
    # In order of time: 8 by day, 12 at night, 4 by day; 12 by day in all.
    # Each part its own meter: day 10 x 1 + 2 x 3, night 10 x 0.5 + 2 x 2.
    assert closed.rows(LINES, "per_part") == [
        ("day", 1, "10", "1", "10.00"),
        ("day", 2, "2", "3", "6.00"),
        ("night", 1, "10", "0.5", "5.00"),
        ("night", 2, "2", "2", "4.00"),
    ]
    # One meter in order of time: 8 by day are below 10, of the night's 12 two are, all that follows is above.
    assert closed.rows(LINES, "cumulative") == [
        ("day", 1, "8", "1", "8.00"),
        ("day", 2, "4", "3", "12.00"),
        ("night", 1, "2", "0.5", "1.00"),
        ("night", 2, "10", "2", "20.00"),
    ]
    # At the end of the month: of 24 kWh 10 are in the first tier and 14 in the second; day and night used half each.
    assert closed.rows(LINES, "month_end") == [
        ("day", 1, "5", "1", "5.00"),
        ("day", 2, "7", "3", "21.00"),
        ("night", 1, "5", "0.5", "2.50"),
        ("night", 2, "7", "2", "14.00"),
    ]


def test_the_documentation_shows_what_each_part_costs(closed: Pipeline) -> None:
    by_clock, _ = documented_tables("time_of_use_examples")
    assert [row[0] for row in by_clock] == list(DOCUMENTED)
    for when, used, part, amount in by_clock:
        product = re.fullmatch(r"(\d+) x (\d\.\d\d) = (\d\.\d\d)", amount)
        assert product is not None
        quantity, price, total = product.groups()
        assert Decimal(quantity) == sum(Decimal(each) for each in used.split(" + "))
        assert closed.rows(LINES, DOCUMENTED[when]) == [(part.partition(",")[0], 1, quantity, price.rstrip("0"), total)]


def test_the_documentation_shows_how_tiers_meet_parts(closed: Pipeline) -> None:
    _, by_meaning = documented_tables("time_of_use_examples")
    assert [row[0] for row in by_meaning] == ["`per_part`", "`cumulative`", "`month_end`"]
    for meaning, how, amount in by_meaning:
        lines = closed.rows(LINES, meaning.strip("`"))
        products = re.findall(r"(\d+) x (\d\.\d\d)", how)
        assert sorted((Decimal(quantity), Decimal(price)) for quantity, price in products) == sorted(
            (Decimal(quantity), Decimal(price)) for _, _, quantity, price, _ in lines
        )
        assert sum(Decimal(each) for *_, each in lines) == Decimal(amount)


def test_the_documentation_shows_what_a_peak_costs(closed: Pipeline) -> None:
    ((*_, peak, price, amount),) = closed.rows(LINES, "demand-15")
    ((*_, ratcheted, _, _),) = closed.rows(LINES, "ratchet")
    text = documented_text("time_of_use_examples")
    assert f"5 x 60 / 15 = {peak} kW; at {price} for a kW it costs {amount}." in text
    assert f"With a ratchet of 50 % a month of 10 kW after one of 40 kW is billed {ratcheted} kW." in text


def test_windows_are_priced_alone(closed: Pipeline) -> None:
    # By hour: 4 in the hour of 12:00, so 2 x 1 and 2 x 2; 1 in the hour of 23:00; 2 in that of 00:00.
    assert closed.rows(LINES, "by-hour") == [("", 1, "5", "1", "5.00"), ("", 2, "2", "2", "4.00")]
    # By day: 5 on the 10th, so 2 x 1 and 3 x 2; 2 on the 11th.
    assert closed.rows(LINES, "by-day") == [("", 1, "4", "1", "4.00"), ("", 2, "3", "2", "6.00")]


def test_a_peak_is_the_greatest_use_of_an_interval_per_hour(closed: Pipeline) -> None:
    # 5 kWh in a quarter of an hour are 20 kW; in an hour the four quarters of 3 kWh are more, 12 kW.
    assert closed.rows(LINES, "demand-15") == [("", 1, "20", "10", "200.00")]
    assert closed.rows(LINES, "demand-60") == [("", 1, "12", "10", "120.00")]
    # In tiers: of 20 kW ten at 5 and ten at 8.
    assert closed.rows(LINES, "demand-tiers") == [("", 1, "10", "5", "50.00"), ("", 2, "10", "8", "80.00")]
    # Of each part its own: 12 in the evening of a Wednesday, 5 by day, 2 at night.
    assert closed.rows(LINES, "demand-parts") == [
        ("day", 1, "5", "0.3", "1.50"),
        ("night", 1, "2", "0.1", "0.20"),
        ("peak", 1, "12", "0.5", "6.00"),
    ]


def test_a_rate_of_a_cooperative_is_billed_as_its_sheet_says(closed: Pipeline) -> None:
    # Jackson EMC, residential, October to April: 5.50 a month, 8.96 ct for the first 650 kWh, 8.31 ct until 1,000,
    # 8.21 ct beyond: 650 x 0.0896 = 58.24, 350 x 0.0831 = 29.085, 200 x 0.0821 = 16.42.
    assert sorted(amount for *_, amount in closed.rows(LINES, "jackson")) == ["16.42", "29.09", "5.50", "58.24"]


def test_what_is_fed_in_is_taken_off_in_its_part(closed: Pipeline) -> None:
    # Of 8 kWh at peak one goes off; at night 12 - 20 is less than nothing, and nothing is billed.
    assert closed.rows(LINES, "net") == [("day", 1, "4", "0.3", "1.20"), ("peak", 1, "7", "0.5", "3.50")]


def test_a_charge_may_be_by_the_day(closed: Pipeline) -> None:
    assert closed.rows(LINES, "by-the-day") == [("", 1, "31", "0.25", "7.75")]


def test_a_ratchet_bills_a_share_of_an_earlier_peak(closed: Pipeline) -> None:
    # Half of September's 40 kW is more than October's 10.
    assert closed.rows(LINES, "ratchet") == [("", 1, "20", "10", "200.00")]


def test_estimates_lie_in_the_part_of_their_hour(closed: Pipeline) -> None:
    # 2 kWh in each of six hours, of which those of 17:00 and 18:00 are estimated: peak until 20:00.
    assert closed.rows(LINES, "silent") == [("day", 1, "6", "0.3", "1.80"), ("peak", 1, "6", "0.5", "3.00")]
    words = (
        "select part, trim_scale(estimated_quantity)::text from finance.invoice_lines where invoice_id = %s order by 1"
    )
    assert closed.rows(words, "INV-silent-2023-10-01") == [("day", "0"), ("peak", "4")]


def test_the_use_of_a_register_lies_in_the_part_of_its_reading(closed: Pipeline) -> None:
    assert closed.rows(LINES, "register") == [("day", 1, "3", "0.3", "0.90"), ("peak", 1, "5", "0.5", "2.50")]


def test_an_imported_tariff_bills_744_hours_over_a_change_of_clocks(closed: Pipeline) -> None:
    # A day has 20 kWh at 16 to 21, 204 at 8 to 16, 426 else. From the 29th, 03:00 on, the station is an hour early by
    # the clock, so that three days have 62, 174 and 414: 28 x 20 + 3 x 62, 28 x 204 + 3 x 174, 28 x 426 + 3 x 414.
    assert closed.rows(LINES, "sce") == [
        ("Winter Mid-Peak", 1, "746", "0.47493", "354.30"),
        ("Winter Off-Peak", 1, "13170", "0.27445", "3614.51"),
        ("Winter Super Off-Peak", 1, "6234", "0.14253", "888.53"),
    ]


def test_a_year_of_a_contract_has_a_minimum(closed: Pipeline) -> None:
    # 366 a year (with 29 February it has 366 days), of which the contract lasted 61 days; 10 + 5 were spent.
    assert closed.rows(LINES, "yearly") == [("", 1, "5", "1", "5.00"), ("", None, "1", None, "46.00")]


def test_late_use_is_proposed_at_the_price_of_its_part(closed: Pipeline) -> None:
    closed.reconcile()
    # 2 kWh at 0.50.
    assert closed.rows("select invoice_id, amount::text from finance.proposals") == [("INV-late-2023-10-01", "1.00")]


def test_what_a_closed_period_was_priced_by_stays(closed: Pipeline) -> None:
    tables = closed.configuration.tables
    evening, holidays = tables["time_of_use"][0], tables["holidays"]
    evening["ends_time"] = "21:00"
    with pytest.raises(BadInputError, match="schedule 'evening' priced a closed period"):
        closed.configure()
    evening["ends_time"] = "20:00"
    holidays.append({"calendar": "de", "holiday_date": "2023-10-31"})
    with pytest.raises(BadInputError, match=r"'2023-10-31' of calendar 'de' lies before .* take it out"):
        closed.configure()
    # The days to come may be added at any time.
    holidays[-1]["holiday_date"] = "2023-12-25"
    closed.configure()


def test_every_version_rates_again_to_the_same_bits(closed: Pipeline) -> None:
    assert closed.prove() == {}
    closed.audit()
