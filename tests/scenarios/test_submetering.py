"""Landlords' meters, occupants' bills: who pays for what a unit used, when somebody moved, and for what all used.

Everything is in kWh at 1.00 EUR unless said, so that an amount is a number of kWh. March 2019 is closed once, for all.
"""

from __future__ import annotations

import psycopg
import pytest

from tests.support import Message, Pipeline, message

PAID = """
select unit_id, tenant_id, source, metric, trim_scale(quantity)::text, trim_scale(estimated_quantity)::text
from finance.unit_usage where property_id = %s order by unit_id collate "C", tenant_id, source desc, metric
"""
LINES = """
select metric, trim_scale(quantity)::text, trim_scale(estimated_quantity)::text, amount::text, quality_flags
from finance.invoice_lines where invoice_id = %s order by line_number
"""
SHARED_METHODS = {"area": "floor_area", "heads": "occupants", "even": "equal", "used": "measured"}


class Estate:
    """A landlord's property in the making."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.tables = pipeline.configuration.tables
        self.messages: list[Message] = []

    def unit(
        self, house: str, unit: str, meter: str | None = None, landlord: str = "estate", **columns: object
    ) -> None:
        self.tables["units"].append({"property_id": house, "unit_id": unit, **columns})
        if meter is not None:
            self.meter(house, meter, "sub", landlord, unit_id=unit)

    def meter(self, house: str, device: str, role: str, landlord: str = "estate", **columns: object) -> None:
        row = {"tenant_id": landlord, "device_id": device, "property_id": house, "meter_role": role, **columns}
        self.tables["devices"].append(row)

    def lets(
        self, house: str, unit: str, to: str, begin: str = "2019-01-01", end: str | None = None, **columns: object
    ) -> None:
        row = {"occupancy_id": f"{house}-{unit}-{to}", "property_id": house, "unit_id": unit, "tenant_id": to}
        self.tables["occupancies"].append(row | {"starts_at": begin, "ends_at": end} | columns)

    def read(
        self, device: str, *readings: tuple[str, object], landlord: str = "estate", metric: str = "energy"
    ) -> None:
        self.messages += [
            message(landlord, device, number, quantity, f"2019-{at}Z", metric=metric)
            for number, (at, quantity) in enumerate(readings, start=1)
        ]


@pytest.fixture(scope="module")
def march(shared_pipeline: Pipeline) -> Pipeline:
    """March 2019, closed once for every case of this module."""
    estate = Estate(shared_pipeline)
    shared_pipeline.configuration.metric("counter", unit="kWh", reading_type="cumulative")
    shared_pipeline.configuration.metric("common", unit="kWh")
    shared_pipeline.configuration.rate_card("counted", (None, "1.00"), metric="counter")
    for metric in ("energy", "common"):
        shared_pipeline.configuration.rate_card("with-common", (None, "1.00"), metric=metric)
    shared_pipeline.tenant("estate")
    for declare in (moves, services, common_use, a_day_of_23_hours, monitored, corrected_later):
        declare(estate)
    shared_pipeline.land(*estate.messages)
    shared_pipeline.process()
    shared_pipeline.close("2019-03", "2019-04-10")
    assert shared_pipeline.held == {}
    # Afterwards a message arrives that was received in time for the landlord, and a date of moving out is corrected.
    sent = "2019-04-02T09:00:00Z"
    shared_pipeline.land(message("estate", "c-1", 3, "2.5", "2019-03-19T12:00", sent, sent_ts=sent))
    (row,) = [row for row in estate.tables["occupancies"] if row["tenant_id"] == "quinn"]
    row["ends_at"] = "2019-03-16"
    shared_pipeline.process()
    shared_pipeline.close("2019-03", "2019-04-10")
    return shared_pipeline


def moves(estate: Estate) -> None:
    """Units in which somebody moved: in the middle of a period, at its border, and with time between."""
    people = ("anna", "ben", "ida", "jon")
    for name in people:
        estate.pipeline.tenant(name)
    for name in ("cora", "dora", "ed", "fay"):
        estate.pipeline.tenant(name, rate_card_id="counted")
    estate.unit("delta", "flat", "d-1")
    estate.lets("delta", "flat", "anna", end="2019-03-15T12:00")
    estate.lets("delta", "flat", "ben", begin="2019-03-15T12:00")
    estate.read(
        "d-1", ("03-14T12:00", 10), ("03-15T10:00", 3), ("03-15T11:30", 2), ("03-15T12:15", 1), ("03-20T12:00", 7)
    )
    estate.unit("register", "left", "r-1")
    estate.unit("register", "right", "r-2")
    estate.lets("register", "left", "cora", end="2019-03-15T12:00")
    estate.lets("register", "left", "dora", begin="2019-03-15T12:00")
    estate.lets("register", "right", "ed", end="2019-03-13T08:00")
    estate.lets("register", "right", "fay", begin="2019-03-13T08:00")
    estate.read("r-1", ("03-01T00:00", 100), ("03-15T12:00", 150), ("03-31T12:00", 180), metric="counter")
    estate.read(
        "r-2", ("03-01T00:00", 0), ("03-10T00:00", 90), ("03-20T00:00", 190), ("03-31T12:00", 490), metric="counter"
    )
    estate.pipeline.tenant("gus", ends_at="2019-03-11")
    estate.pipeline.tenant("hal", starts_at="2019-03-11")
    estate.unit("border", "flat", "b-1")
    estate.lets("border", "flat", "gus", end="2019-03-11")
    estate.lets("border", "flat", "hal", begin="2019-03-11")
    estate.read("b-1", ("03-10T23:00", 4), ("03-11T00:00", 2), ("03-11T01:00", 5))
    estate.unit("empty", "flat", "e-1")
    estate.lets("empty", "flat", "ida", end="2019-03-10")
    estate.lets("empty", "flat", "jon", begin="2019-03-20")
    estate.read(
        "e-1", ("03-05T00:00", 3), ("03-10T00:00", 1), ("03-15T12:00", 8), ("03-25T12:00", 10), ("03-30T12:00", 20)
    )


def services(estate: Estate) -> None:
    """One flat with three meters, on one card."""
    configuration = estate.pipeline.configuration
    configuration.metric("water", unit="m3", reading_type="cumulative")
    configuration.metric("gas", unit="kWh")
    for metric, price in (("energy", "0.30"), ("water", "4.25"), ("gas", "0.08")):
        configuration.rate_card("three-services", (None, price), metric=metric)
    estate.pipeline.tenant("kim", rate_card_id="three-services")
    estate.unit("services", "flat")
    estate.lets("services", "flat", "kim")
    for metric in ("energy", "water", "gas"):
        estate.meter("services", f"s-{metric}", "sub", unit_id="flat")
    estate.read("s-energy", ("03-10T12:00", 100))
    estate.read("s-gas", ("03-10T12:00", "512.5"), metric="gas")
    estate.read("s-water", ("03-01T00:00", 40), ("03-20T00:00", "47.5"), metric="water")


def common_use(estate: Estate) -> None:
    """Four houses alike, one by each method: two flats that are let, a third that is not, and a master meter."""
    sizes = {"1": {"floor_area": 50}, "2": {"floor_area": 30}, "3": {"floor_area": 20}}
    for house, method in SHARED_METHODS.items():
        charged = "energy" if house == "area" else "common"
        row = {"property_id": house, "metric": "energy", "method": method, "charged_metric": charged}
        estate.tables["allocations"].append(row)
        estate.meter(house, f"{house}-main", "master")
        for unit, size in sizes.items():
            estate.unit(house, unit, f"{house}-{unit}", **size)
        for unit, occupants in (("1", 2), ("2", 1)):
            estate.pipeline.tenant(f"{house}-{unit}", rate_card_id="with-common")
            end = "2019-03-22" if (house, unit) == ("area", "1") else None
            estate.lets(house, unit, f"{house}-{unit}", end=end, occupants=occupants)
        # On the 20th 20 against 6 + 4: 10 are common; where shares have remainders 11, of which two decimals remain or
        # the second flat has the larger remainder.
        estate.read(f"{house}-1", ("03-20T12:00", 6), *((("03-24T12:00", 3),) if house == "heads" else ()))
        estate.read(f"{house}-2", ("03-20T12:00", 4))
        later = {"area": [("03-22T12:00", 10)], "heads": [("03-24T12:00", 1), ("03-26T12:00", 5)]}.get(house, [])
        estate.read(f"{house}-main", ("03-20T12:00", 21 if house in {"heads", "even"} else 20), *later)


def a_day_of_23_hours(estate: Estate) -> None:
    """31 March 2019 in Berlin, where the clocks went from 2 to 3."""
    for name in ("hausherr", "lea", "mia", "nils", "olga"):
        estate.pipeline.tenant(name, time_zone="Europe/Berlin")
    estate.tables["allocations"].append({"property_id": "berlin", "metric": "energy", "method": "equal"})
    estate.meter("berlin", "berlin-main", "master", "hausherr")
    estate.unit("berlin", "1", "berlin-1", "hausherr")
    estate.unit("berlin", "2", "berlin-2", "hausherr")
    # Without an offset these are local times: lea leaves at 03:00, one minute after 01:59; nils as April begins.
    estate.lets("berlin", "1", "lea", end="2019-03-31T03:00")
    estate.lets("berlin", "1", "mia", begin="2019-03-31T03:00")
    estate.lets("berlin", "2", "nils", end="2019-04-01")
    estate.lets("berlin", "2", "olga", begin="2019-04-01")
    estate.read("berlin-1", ("03-30T23:00", 5), ("03-31T03:00", 8), ("03-31T05:00", 20), landlord="hausherr")
    # 21:30 UTC is 23:30 on the 31st, 22:30 UTC is April.
    estate.read("berlin-main", ("03-30T23:30", 34), ("03-31T21:30", 5), ("03-31T22:30", 100), landlord="hausherr")


def monitored(estate: Estate) -> None:
    """Machines that are paid by the hour in which they reported."""
    configuration = estate.pipeline.configuration
    configuration.rate_card("per-hour", (None, "0.10"), charge_basis="monitored_hours")
    configuration.rate_card("per-hour-over-all", (None, "0.10"), metric=None, charge_basis="monitored_hours")
    for name in ("per-hour", "per-hour-over-all"):
        estate.pipeline.tenant(name, "pump", "fan", rate_card_id=name)
        pump = [("03-10T10:00", 1), ("03-10T10:59", 1), ("03-10T11:00", 0), ("03-11T10:00", 1)]
        estate.read("pump", *pump, landlord=name)
        estate.read("fan", ("03-10T10:00", 1), ("03-31T23:59", 1), landlord=name)
        estate.read("fan", ("03-10T10:30", 1), ("03-10T12:30", 1), landlord=name, metric="gas")


def corrected_later(estate: Estate) -> None:
    """A contract that ends on the 20th, and one occupancy that was entered as too long."""
    estate.pipeline.tenant("pam", ends_at="2019-03-20")
    estate.pipeline.tenant("quinn")
    estate.unit("later", "1", "c-1")
    estate.unit("later", "2", "c-2")
    estate.lets("later", "1", "pam", end="2019-03-20")
    estate.lets("later", "2", "quinn", end="2019-03-31")
    estate.read("c-1", ("03-18T12:00", 10), ("03-21T12:00", 7))
    estate.read("c-2", ("03-15T12:00", 3), ("03-17T12:00", 4))


def test_a_move_between_two_readings_of_a_delta_is_shared_by_time(march: Pipeline) -> None:
    # 1 kWh was used from 11:30 to 12:15; until 12:00 are 30 of 45 minutes. Anna: 10 + 3 + 2 + 2/3; Ben: 1/3 + 7.
    # The landlord is left with nothing, and all are 23 as on the meter.
    assert march.rows(PAID, "delta") == [
        ("flat", "anna", "sub_meter", "energy", "15.6666666667", "0.6666666667"),
        ("flat", "ben", "sub_meter", "energy", "7.3333333333", "0.3333333333"),
        ("flat", "estate", "sub_meter", "energy", "0", "0"),
    ]
    assert march.rows(LINES, "INV-anna-2019-03-01") == [
        ("energy", "15.6666666667", "0.6666666667", "15.67", "estimated")
    ]
    assert march.rows(LINES, "INV-ben-2019-03-01") == [("energy", "7.3333333333", "0.3333333333", "7.33", "estimated")]


def test_a_register_is_shared_by_its_reading_at_the_move_or_by_time_between_two(march: Pipeline) -> None:
    # Left: read at the move, 150 - 100 and 180 - 150; nothing is an estimate. Right: 100 kWh in the 240 hours from the
    # 10th to the 20th, of which 80 had passed at the move: 90 + 33.33, and 66.67 + 300.
    assert march.rows(PAID, "register") == [
        ("left", "cora", "sub_meter", "counter", "50", "0"),
        ("left", "dora", "sub_meter", "counter", "30", "0"),
        ("left", "estate", "sub_meter", "counter", "0", "0"),
        ("right", "ed", "sub_meter", "counter", "123.3333333333", "33.3333333333"),
        ("right", "estate", "sub_meter", "counter", "0", "0"),
        ("right", "fay", "sub_meter", "counter", "366.6666666667", "66.6666666667"),
    ]
    assert march.rows(LINES, "INV-cora-2019-03-01") == [("counter", "50", "0", "50.00", "")]


def test_a_move_at_the_border_of_a_period_leaves_the_reading_to_who_used_it(march: Pipeline) -> None:
    # The reading of midnight counts what was used before: 4 + 2, and 5.
    assert [row[1:2] + row[4:] for row in march.rows(PAID, "border")] == [
        ("estate", "0", "0"),
        ("gus", "6", "0"),
        ("hal", "5", "0"),
    ]
    assert march.rows(
        "select total_amount::text from finance.invoices where tenant_id in ('gus', 'hal') order by 1"
    ) == [
        ("5.00",),
        ("6.00",),
    ]


def test_what_a_unit_used_while_it_stood_empty_is_the_landlords(march: Pipeline) -> None:
    # Ida 3 + 1. Empty from the 10th to the 20th: 8, and of 10 kWh in the ten days from the 15th at noon the first 4.5;
    # Jon has the other 5.5, and 20.
    assert [row[1:2] + row[4:] for row in march.rows(PAID, "empty")] == [
        ("estate", "12.5", "4.5"),
        ("ida", "4", "0"),
        ("jon", "25.5", "5.5"),
    ]


def test_three_services_are_on_one_bill(march: Pipeline) -> None:
    # 100 kWh x 0.30, 7.5 m3 x 4.25 = 31.875, 512.5 kWh x 0.08.
    assert sorted(march.rows(LINES, "INV-kim-2019-03-01")) == [
        ("energy", "100", "0", "30.00", ""),
        ("gas", "512.5", "0", "41.00", ""),
        ("water", "7.5", "0", "31.88", ""),
    ]


def test_common_use_by_floor_area_of_the_days_on_which_one_is_there(march: Pipeline) -> None:
    # 10 on the 20th by 50 : 30 : 20 m2, and 10 on the 22nd, when flat 1 stood empty: 5 + 0, 3 + 3, and 2 + 7 left.
    assert march.rows(PAID, "area") == [
        ("", "estate", "common", "energy", "9", "0"),
        ("1", "area-1", "sub_meter", "energy", "6", "0"),
        ("1", "area-1", "common", "energy", "5", "0"),
        ("1", "estate", "sub_meter", "energy", "0", "0"),
        ("2", "area-2", "sub_meter", "energy", "4", "0"),
        ("2", "area-2", "common", "energy", "6", "0"),
        ("2", "estate", "sub_meter", "energy", "0", "0"),
    ]
    # Charged as the same metric: one line.
    assert march.rows(LINES, "INV-area-2-2019-03-01") == [("energy", "10", "0", "10.00", "")]


def test_common_use_by_persons_to_the_last_decimal(march: Pipeline) -> None:
    # 11 by 2 : 1 are 7.33... and 3.66...: of the last decimal a third and two thirds are left, and the second flat has
    # it. On the 24th the master counts 1 and the flats 3, so nothing is common and 2 are owed; on the 26th of 5 common
    # ones 3 are shared: 2 and 1 more. Nobody lives in the third flat.
    assert [row for row in march.rows(PAID, "heads") if row[2] == "common"] == [
        ("", "estate", "common", "energy", "0", "0"),
        ("1", "heads-1", "common", "common", "9.3333333333", "0"),
        ("2", "heads-2", "common", "common", "4.6666666667", "0"),
    ]
    assert march.rows(LINES, "INV-heads-1-2019-03-01") == [
        ("common", "9.3333333333", "0", "9.33", ""),
        ("energy", "9", "0", "9.00", ""),
    ]


def test_common_use_in_equal_shares_gives_the_last_decimals_to_the_first_units_one_each(march: Pipeline) -> None:
    # A third of 11 is 3.6666666666, and 0.0000000002 are left.
    assert [row for row in march.rows(PAID, "even") if row[2] == "common"] == [
        ("", "estate", "common", "energy", "3.6666666666", "0"),
        ("1", "even-1", "common", "common", "3.6666666667", "0"),
        ("2", "even-2", "common", "common", "3.6666666667", "0"),
    ]


def test_common_use_by_measured_use(march: Pipeline) -> None:
    # 10 by 6 : 4 : 0.
    assert [row for row in march.rows(PAID, "used") if row[2] == "common"] == [
        ("", "estate", "common", "energy", "0", "0"),
        ("1", "used-1", "common", "common", "6", "0"),
        ("2", "used-2", "common", "common", "4", "0"),
    ]


def test_the_day_of_23_hours_is_shared_by_the_hours_that_passed(march: Pipeline) -> None:
    # Flat 1: 8 kWh in the four hours from 23:00 UTC; the clocks showed 3:00 after two. Mia has 4 + 20. Common of
    # the 31st are 34 + 5 - 5 - 8 - 20 = 6 (23:00 UTC is its first instant), of which each flat has half: Mia, who is
    # there when the day ends, and Nils, who leaves as it does. The 100 of 22:30 UTC are April's.
    assert march.rows(PAID, "berlin") == [
        ("", "hausherr", "common", "energy", "0", "0"),
        ("1", "hausherr", "sub_meter", "energy", "0", "0"),
        ("1", "lea", "sub_meter", "energy", "9", "4"),
        ("1", "mia", "sub_meter", "energy", "24", "4"),
        ("1", "mia", "common", "energy", "3", "0"),
        ("2", "nils", "common", "energy", "3", "0"),
    ]


def test_an_hour_is_paid_in_which_a_device_was_heard(march: Pipeline) -> None:
    # Pump: 10, 11 and 10 again on the 11th; fan: 10 and 23 h. Over all metrics the fan was heard at 12, too, and at 10
    # twice, which is one hour.
    assert march.rows(LINES, "INV-per-hour-2019-03-01") == [("energy", "5", "0", "0.50", "")]
    assert march.rows(LINES, "INV-per-hour-over-all-2019-03-01") == [(None, "6", "0", "0.60", "")]


def test_what_the_landlords_contract_takes_amends_the_occupants_bill(march: Pipeline) -> None:
    # Pam left on the 20th at 00:00. She had 10, and of 7 kWh in the 72 hours from the 18th at noon those of 36. Her own
    # boundary was on the 23rd; the landlord's is on 4 April, and his contract takes the message of 2 April: 10 + 2.5 on
    # the 19th, and of the 7, which now are of 48 hours, those of 12. Quinn left on the 16th, not the 31st: 3, and of
    # 4 kWh in 48 hours those of 12.
    versions = """
    select invoice_id, invoice_version, trim_scale(quantity)::text from finance.invoice_lines
    where invoice_id in ('INV-pam-2019-03-01', 'INV-quinn-2019-03-01') order by 1, 2
    """
    assert march.rows(versions) == [
        ("INV-pam-2019-03-01", 1, "13.5"),
        ("INV-pam-2019-03-01", 2, "14.25"),
        ("INV-quinn-2019-03-01", 1, "7"),
        ("INV-quinn-2019-03-01", 2, "4"),
    ]
    assert [row[:2] + row[4:] for row in march.rows(PAID, "later")] == [
        ("1", "estate", "5.25", "5.25"),
        ("1", "pam", "14.25", "1.75"),
        ("2", "estate", "3", "3"),
        ("2", "quinn", "4", "1"),
    ]


def test_no_unit_of_use_is_lost_or_paid_twice(march: Pipeline) -> None:
    # Every house's bills together are what its meters counted; where there is a master meter, what that counted.
    whole = """
    select property_id, trim_scale(sum(quantity))::text from finance.unit_usage
    where metric <> 'water' group by 1 order by 1
    """
    assert march.rows(whole) == [
        ("area", "30"), ("berlin", "39"), ("border", "11"), ("delta", "23"), ("empty", "42"), ("even", "21"),
        ("heads", "27"), ("later", "26.5"), ("register", "570"), ("services", "612.5"), ("used", "20"),
    ]  # fmt: skip


def test_months_of_a_landlords_meters_are_not_folded(march: Pipeline) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="has meters of units, from whose readings the bills of"):
        march.execute(
            "insert into store.folded_periods (fold_no, tenant_no, period_no)"
            " select 1, tenant_no, 1 from registry.tenants where tenant_id = 'estate'"
        )


def test_every_bill_is_the_same_when_it_is_rated_again(march: Pipeline) -> None:
    assert march.prove() == {}
    march.audit()
    march.audit()
