"""What a charge counts beside use: devices by days in service, hours offline, levels over time, different values.

February 2019 (28 days, 672 hours) is closed once, for all cases; its boundary is 4 March.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestration.errors import BadInputError
from tests.support import Pipeline, documented_tables, message

LINES = """
select line_type, part, trim_scale(quantity)::text, trim_scale(unit_price)::text, amount::text, description
from finance.invoice_lines where invoice_id = %s order by line_number
"""
# How examples of the documentation begin, with the tenant and the type of the line that bills them.
DOCUMENTED = {
    "active devices by days in service": ("came-and-went", "usage"),
    "active devices by seconds in service": ("by-second", "usage"),
    "the same, with an inclusive end": ("to-the-last-day", "usage"),
    "a device that is silent after 4 hours": ("offline", "credit"),
    "unit-hours of stores": ("stood", "usage"),
    "the average level of a store": ("average", "usage"),
    "vehicles": ("charged", "usage"),
}


def device(pipeline: Pipeline, tenant: str, name: str, begin: str | None, end: str | None, **columns: object) -> None:
    """A device in service from `begin` until `end`."""
    pipeline.configuration.row(
        "devices", tenant_id=tenant, device_id=name, activated_at=begin, retired_at=end, **columns
    )


def devices_by_days(pipeline: Pipeline) -> None:
    """28.00 for a device and month, so that a day of a device is 1.00."""
    configuration = pipeline.configuration
    prorated = {"charge_basis": "active_devices", "device_proration": "day"}
    configuration.rate_card("by-day", (None, "28.00"), **prorated)
    configuration.rate_card("one-free", (None, "28.00"), metric=None, included_units=1, **prorated)
    types = ({"part": "camera", "unit_price": "56.00"}, {"unit_price": "28.00"})
    configuration.rate_card("by-type", *types, price_model="matrix", attribute="device_type", **prorated)
    pipeline.tenant("came-and-went", time_zone="Europe/Madrid", rate_card_id="by-day")
    pipeline.tenant("half-contract", ends_at="2019-02-15", rate_card_id="one-free")
    pipeline.tenant("two-types", rate_card_id="by-type")
    # Local times of Madrid: from the 15th on, until the 7th, two hours of the 10th, and one that nobody heard of.
    service = [(None, None), ("2019-02-15T00:00", None), (None, "2019-02-08T00:00")]
    service += [("2019-02-10T18:00", "2019-02-10T20:00"), (None, None)]
    for number, (begin, end) in enumerate(service):
        device(pipeline, "came-and-went", f"d-{number}", begin, end)
    for number, end in enumerate((None, "2019-02-08T00:00")):
        device(pipeline, "half-contract", f"d-{number}", None, end)
    for number, kind in enumerate(("camera", "camera", None)):
        device(pipeline, "two-types", f"d-{number}", None, "2019-02-08T00:00" if number else None, device_type=kind)
    by_second = {"charge_basis": "active_devices", "device_proration": "second"}
    for tenant, proration_end in (("by-second", "exclusive"), ("to-the-last-day", "inclusive")):
        configuration.rate_card(tenant, (None, "28.00"), **by_second)
        configuration.row("rate_card_terms", rate_card_id=tenant, proration_end=proration_end)
        pipeline.tenant(tenant, rate_card_id=tenant)
        for number, end in enumerate((None, "2019-02-08T00:00", "2019-02-10T06:00")):
            device(pipeline, tenant, f"d-{number}", None, end)
    days = {"came-and-went": (3, 20, 3, 10), "half-contract": (3, 3), "two-types": (3, 3, 3)}
    days |= {"by-second": (3, 3, 3), "to-the-last-day": (3, 3, 3)}
    pipeline.land(
        *(
            message(tenant, f"d-{number}", 1, 5, f"2019-02-{day:02}T18:30Z")
            for tenant, reports in days.items()
            for number, day in enumerate(reports)
        ),
        message("half-contract", "d-0", 1, 5, "2019-02-04", metric="water"),
    )


def hours_offline(pipeline: Pipeline) -> None:
    """0.50 for an hour offline; two hours are the cadence of a probe, so that it is silent after four."""
    configuration = pipeline.configuration
    configuration.row("device_types", device_type="probe", expected_interval_seconds=7200)
    for card, free in (("offline", 0), ("ten-hours-free", 10)):
        configuration.rate_card(card, (None, "1.00"))
        configuration.rate_card(card, (None, "0.50"), metric=None, charge_basis="offline_hours", included_units=free)
    configuration.rate_card("monthly", {"flat_fee": "400.00"}, metric=None, price_model="flat")
    configuration.rate_card("monthly", (None, "0.50"), metric=None, charge_basis="offline_hours")
    configuration.row("discounts", discount_id="tenth", tenant_id="offline", percent=10)
    cards = {
        "offline": "offline",
        "heard-in-time": "offline",
        "heard-too-late": "offline",
        "free-hours": "ten-hours-free",
    }
    for tenant, card in cards.items():
        pipeline.tenant(tenant, "no-cadence", rate_card_id=card)
        device(pipeline, tenant, "probe", "2019-02-10", "2019-02-11", device_type="probe")
        device(pipeline, tenant, "gone", None, "2019-01-31", device_type="probe")
        times = ("02:00", "06:00", "10:30", "11:00", "18:59:59")
        pipeline.land(*(message(tenant, "probe", n, 20, f"2019-02-10T{at}") for n, at in enumerate(times, start=1)))
    for tenant, received in (("heard-in-time", "2019-02-20T12:00:00Z"), ("heard-too-late", "2019-03-04T12:00:00Z")):
        pipeline.land(message(tenant, "probe", 9, 0, "2019-02-10T15:00", received, sent_ts=received))
    pipeline.tenant("dark", rate_card_id="monthly")
    device(pipeline, "dark", "probe", None, None, device_type="probe")


def levels_over_time(pipeline: Pipeline) -> None:
    """Gigabytes as devices last reported them."""
    configuration = pipeline.configuration
    configuration.metric("stored", unit="GB", reading_type="gauge", aggregation="latest")
    weighted = {"metric": "stored", "charge_basis": "time_weighted"}
    configuration.rate_card("gigabyte-hours", (None, "0.01"), **weighted)
    configuration.rate_card("dear-hours", (None, "10000"), **weighted)
    configuration.rate_card("gigabyte-months", (None, "0.10"), weighting="period", **weighted)
    readings: dict[str, list[tuple[str, object, str]]] = {
        "stood": [("a", 10, "01-20T06:00"), ("a", 20, "02-11T00:00"), ("b", 6, "02-28T22:00"), ("c", 5, "01-31T00:00")],
        "a-second": [("a", 1, "02-10T00:00:00"), ("a", 0, "02-10T00:00:01")],
        "average": [("a", 10, "01-20T06:00"), ("a", 20, "02-15T00:00")],
        "half-month": [("a", 10, "01-20T06:00")],
        "published": [("a", 1000, "02-01T00:00")],
    }
    cards = {"stood": "gigabyte-hours", "a-second": "dear-hours"}
    for tenant, told in readings.items():
        contract = {"ends_at": "2019-02-15"} if tenant == "half-month" else {}
        pipeline.tenant(tenant, "a", "b", rate_card_id=cards.get(tenant, "gigabyte-months"), **contract)
        pipeline.land(
            *(
                message(tenant, name, number, level, f"2019-{at}Z", metric="stored")
                for number, (name, level, at) in enumerate(told)
            )
        )
    device(pipeline, "stood", "c", None, "2019-02-02")
    # What comes after the boundary is no level of February.
    late = "2019-03-04T12:00:00Z"
    pipeline.land(message("stood", "a", 9, 99, "2019-02-20T00:00", late, metric="stored", sent_ts=late))


def different_values(pipeline: Pipeline) -> None:
    """3.00 for every vehicle that charged in the month, wherever and how often it did."""
    configuration = pipeline.configuration
    configuration.metric("charging", unit="kWh")
    vehicles = {"metric": "charging", "charge_basis": "distinct_values", "attribute": "vehicle"}
    configuration.rate_card("per-vehicle", (None, "3.00"), included_units=1, **vehicles)
    pipeline.tenant("charged", "station-1", "station-2", rate_card_id="per-vehicle")
    sessions = [("station-1", "X-1"), ("station-1", "X-2"), ("station-2", "X-1"), ("station-2", "x-1")]
    for number, (station, vehicle) in enumerate([*sessions, ("station-2", ""), ("station-1", None)]):
        tags = {} if vehicle is None else {"attributes": {"vehicle": vehicle}}
        pipeline.land(message("charged", station, number, 7, f"2019-02-{number + 3:02}", metric="charging", **tags))
    others = [message("charged", "station-1", 1, 7, "2019-02-03", attributes={"vehicle": "Y"})]
    others.append(message("charged", "station-1", 9, 7, "2019-01-03", metric="charging", attributes={"vehicle": "Z"}))
    pipeline.land(*others)


@pytest.fixture(scope="module")
def february(shared_pipeline: Pipeline) -> Pipeline:
    """February 2019, closed once for every case of this module."""
    shared_pipeline.configuration.metric("water", unit="l")
    shared_pipeline.configuration.row("device_types", device_type="camera")
    for declare in (devices_by_days, hours_offline, levels_over_time, different_values):
        declare(shared_pipeline)
    shared_pipeline.process()
    shared_pipeline.close("2019-02", "2019-03-05")
    return shared_pipeline


def lines(pipeline: Pipeline, tenant: str) -> list[tuple[object, ...]]:
    return pipeline.rows(LINES, f"INV-{tenant}-2019-02-01")


def test_a_device_counts_for_the_days_it_was_in_service(february: Pipeline) -> None:
    # 28 + 14 (15th to 28th) + 7 (1st to 7th) + 1 day of 28: 50 / 28 = 1.7857142857. The silent one is not active.
    assert lines(february, "came-and-went") == [
        (
            "usage", None, "1.7857142857", "28", "50.00",
            "active devices of energy by days in service: every unit at 28.00",
        )
    ]  # fmt: skip


def test_a_partial_contract_prorates_a_device_once(february: Pipeline) -> None:
    # A contract of 14 of 28 days: one device all of it, 14 / 28, one for 7 / 28; half a device is included.
    assert [row[2:5] for row in lines(february, "half-contract")] == [("0.25", "28", "7.00")]


def test_devices_of_a_type_are_prorated_together(february: Pipeline) -> None:
    # Cameras: 28 + 7 days of 28 = 1.25 at 56.00; the other 7 / 28 at 28.00.
    assert [row[1:5] for row in lines(february, "two-types")] == [
        ("camera", "1.25", "56", "70.00"),
        (None, "0.25", "28", "7.00"),
    ]


def test_hours_offline_are_a_credit_before_discounts(february: Pipeline) -> None:
    # In service on the 10th. 02:00 to 06:00 is four hours, no more than four; 06:00 to 10:30 is 4 whole hours,
    # 11:00 to 18:59:59 is 7, from there to midnight 5: 16 x 0.50. Use is 5 x 20; a tenth of 100.00 - 8.00 is taken off.
    assert [row[:1] + row[2:5] for row in lines(february, "offline")] == [
        ("usage", "100", "1", "100.00"),
        ("credit", "16", "-0.5", "-8.00"),
        ("discount", "1", None, "-9.20"),
    ]
    ((words, explained),) = february.rows(
        "select line.description, behind.explanation from finance.invoice_lines as line"
        " inner join finance.invoice_line_explanations as behind using (invoice_id, invoice_version, line_number)"
        " where line.invoice_id = 'INV-offline-2019-02-01' and line.line_type = 'credit'"
    )
    assert words == "credit for hours offline: every unit at 0.50"
    assert explained == "16 measured; tier 1 (units) prices 16; 16 x -0.50 = -8.00"


def test_a_message_that_comes_before_the_boundary_ends_a_silence(february: Pipeline) -> None:
    # 15:00 makes two silences of 4:00:00 and 3:59:59 out of one of seven hours: 4 + 5 hours are left.
    assert lines(february, "heard-in-time")[1][2:5] == ("9", "-0.5", "-4.50")
    # After the boundary it is late, as any message.
    assert lines(february, "heard-too-late")[1][2:5] == ("16", "-0.5", "-8.00")


def test_included_hours_are_not_credited(february: Pipeline) -> None:
    assert lines(february, "free-hours")[1][2:5] == ("6", "-0.5", "-3.00")


def test_a_device_that_was_never_heard_is_offline_all_the_time(february: Pipeline) -> None:
    # 672 hours at 0.50 of the fee of 400.00.
    assert [row[4] for row in lines(february, "dark")] == ["-336.00", "400.00"]


def test_a_level_counts_for_the_hours_it_stood(february: Pipeline) -> None:
    # a: 10 since January for 240 hours, then 20 for 432: 2400 + 8640. b: nothing is known before 22:00 of the last day,
    # 6 x 2. c left on the 2nd, 5 x 24. 2400 + 8640 + 12 + 120 = 11172.
    assert lines(february, "stood") == [
        ("usage", None, "11172", "0.01", "111.72", "unit-hours of stored: every unit at 0.01")
    ]
    # One second of 3600, to ten decimals.
    assert lines(february, "a-second")[0][2:5] == ("0.0002777778", "10000", "2.78")


def test_a_level_may_count_as_the_average_of_the_period(february: Pipeline) -> None:
    # 10 for 14 days and 20 for 14 days.
    assert lines(february, "average")[0][2:] == ("15", "0.1", "1.50", "average level of stored: every unit at 0.10")
    # 10 all the time, in a contract for 14 of 28 days.
    assert lines(february, "half-month")[0][2:5] == ("5", "0.1", "0.50")
    # As lago's weighted_sum_service_spec has it: 1000 from the first instant on is 1000.
    assert lines(february, "published")[0][2:5] == ("1000", "0.1", "100.00")


def test_different_values_are_counted_once(february: Pipeline) -> None:
    # and x-1; a message without a vehicle names none, one of another metric or month does not count; the first
    # is included.
    assert lines(february, "charged") == [
        (
            "usage", None, "2", "3", "6.00",
            "different values of vehicle in charging: every unit at 3.00, after 1 included units",
        )
    ]  # fmt: skip


def test_the_cadence_by_which_hours_were_credited_is_immutable(february: Pipeline) -> None:
    types = february.configuration.tables["device_types"]
    (probe,) = (row for row in types if row["device_type"] == "probe")
    probe["expected_interval_seconds"] = 3600
    with pytest.raises(BadInputError, match="'7200' became '3600', but hours offline of devices of type 'probe' were"):
        february.configure()
    probe["expected_interval_seconds"] = 7200
    # Of others nothing was credited.
    types[0]["expected_interval_seconds"] = 60
    february.configure()


def test_the_documentation_shows_what_is_billed(february: Pipeline) -> None:
    (examples,) = documented_tables("charge_basis")
    for (begin, (tenant, line_type)), (what, measured, price, amount) in zip(DOCUMENTED.items(), examples, strict=True):
        assert what.startswith(begin)
        billed = [row for row in lines(february, tenant) if row[0] == line_type]
        quantity = measured.rpartition("= ")[2].replace(",", "")
        assert [(row[2], abs(Decimal(str(row[3]))), row[4]) for row in billed] == [(quantity, Decimal(price), amount)]


def test_every_invoice_is_proven_again(february: Pipeline) -> None:
    assert february.held == {}
    assert february.prove() == {}
    february.audit()
