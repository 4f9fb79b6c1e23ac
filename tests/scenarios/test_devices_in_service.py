"""Devices that count for as long as they were in service: by the second, over a change of clocks, with either end.

February 2019 has 28 days, 2,419,200 seconds. March has 31, and in Madrid an hour less on the last: 2,674,800 seconds.
"""

from __future__ import annotations

import pytest

from tests.support import Pipeline, message

LINES = """
select part, trim_scale(quantity)::text, amount::text, description
from finance.invoice_lines where invoice_id = %s and invoice_version = 1 order by line_number
"""
CHANGES = "select component, sum(amount)::text from finance.invoice_changes where invoice_id = %s group by 1"
EXPLAINED = "select explanation from finance.invoice_line_explanations where invoice_id = %s"

# Of a device at 28.00 a month a day of February is 1.00, at 2,419.20 a second 0.001.
BY_DAY = {"charge_basis": "active_devices", "device_proration": "day"}
BY_SECOND = {"charge_basis": "active_devices", "device_proration": "second"}
# One that stays, one that is retired at a midnight, one at six in the morning.
ENDS = (None, "2019-02-08T00:00", "2019-02-10T06:00")
# One that stays, one that is retired after the contract ended, one at a midnight, and one when it had not begun.
OF_HALF_A_MONTH = (None, "2019-02-20T12:00", "2019-02-08T00:00", "2019-02-01T00:00")
Service = tuple[str | None, str | None]


def in_service(pipeline: Pipeline, tenant: str, *service: Service, types: tuple[str | None, ...] = ()) -> None:
    """Devices d-0, d-1, … of a tenant, in service from and until local times."""
    for number, (begin, end) in enumerate(service):
        kind = types[number] if types else None
        pipeline.configuration.row(
            "devices", tenant_id=tenant, device_id=f"d-{number}", activated_at=begin, retired_at=end, device_type=kind
        )


def heard(pipeline: Pipeline, tenant: str, numbers: range | tuple[int, ...], day: str) -> None:
    pipeline.land(*(message(tenant, f"d-{number}", int(day[5:7]), 5, f"{day}T18:30") for number in numbers))


def over_a_change_of_clocks(pipeline: Pipeline) -> None:
    pipeline.configuration.rate_card("thousandths", (None, "2419.20"), **BY_SECOND)
    pipeline.tenant("madrid", time_zone="Europe/Madrid", rate_card_id="thousandths")
    in_service(
        pipeline,
        "madrid",
        (None, None),
        ("2019-02-15T12:00", None),
        (None, "2019-02-08T06:30"),
        ("2019-02-10T18:00:00", "2019-02-10T18:00:01"),
        (None, None),
        ("2019-03-31T01:00", "2019-04-16T00:00"),
    )
    heard(pipeline, "madrid", range(4), "2019-02-20")
    heard(pipeline, "madrid", (0, 1, 5), "2019-03-20")
    heard(pipeline, "madrid", (0, 5), "2019-04-02")


def either_end(pipeline: Pipeline) -> None:
    configuration = pipeline.configuration
    for unit, prorated in (("day", BY_DAY), ("second", BY_SECOND)):
        for end in ("exclusive", "inclusive"):
            card = f"{unit}-{end}"
            configuration.rate_card(card, (None, "28.00"), **prorated)
            configuration.row("rate_card_terms", rate_card_id=card, proration_end=end)
            pipeline.tenant(card, rate_card_id=card)
            in_service(pipeline, card, *((None, until) for until in ENDS))
            heard(pipeline, card, range(3), "2019-02-03")
            half = f"half-{card}"
            pipeline.tenant(half, rate_card_id=card, ends_at="2019-02-15")
            in_service(pipeline, half, *((None, until) for until in OF_HALF_A_MONTH))
            heard(pipeline, half, range(4), "2019-02-03")


def types_and_included_units(pipeline: Pipeline) -> None:
    configuration = pipeline.configuration
    types = ({"part": "camera", "unit_price": "56.00"}, {"unit_price": "28.00"})
    configuration.row("device_types", device_type="camera")
    configuration.rate_card("by-type", *types, price_model="matrix", attribute="device_type", **BY_SECOND)
    pipeline.tenant("two-types", rate_card_id="by-type")
    served: tuple[Service, ...] = ((None, None), ("2019-02-15T12:00", None), (None, "2019-02-08T06:00"))
    in_service(pipeline, "two-types", *served, types=("camera", "camera", None))
    heard(pipeline, "two-types", range(3), "2019-02-20")
    configuration.rate_card("one-free", (None, "28.00"), metric=None, included_units=1, **BY_SECOND)
    pipeline.tenant("half-contract", ends_at="2019-02-15", rate_card_id="one-free")
    in_service(pipeline, "half-contract", (None, None), (None, "2019-02-08T06:00"))
    heard(pipeline, "half-contract", range(2), "2019-02-03")
    # On one card, the same devices by the day, by the second, and each whole.
    for charge, proration in (("a", "day"), ("b", "second"), ("c", "none")):
        configuration.rate_card(
            "all-ways", (None, "28.00"), charge_basis="active_devices", charge=charge, device_proration=proration
        )
    pipeline.tenant("all-ways", rate_card_id="all-ways")
    in_service(pipeline, "all-ways", *served)
    heard(pipeline, "all-ways", range(3), "2019-02-20")


@pytest.fixture(scope="module")
def closed(shared_pipeline: Pipeline) -> Pipeline:
    """February and March 2019, closed once for every case of this module."""
    for declare in (over_a_change_of_clocks, either_end, types_and_included_units):
        declare(shared_pipeline)
    shared_pipeline.process()
    shared_pipeline.close("2019-02", "2019-04-05")
    shared_pipeline.close("2019-03", "2019-04-05")
    shared_pipeline.explain("2019-03")
    return shared_pipeline


def lines(pipeline: Pipeline, tenant: str, month: str = "02") -> list[tuple[object, ...]]:
    return pipeline.rows(LINES, f"INV-{tenant}-2019-{month}-01")


def test_a_device_counts_for_the_seconds_it_was_in_service(closed: Pipeline) -> None:
    # 2,419,200 + 13.5 x 86,400 from noon of the 15th + 7 x 86,400 + 23,400 until 06:30 of the 8th + 1 are 4,213,801 of
    # 2,419,200: 1.74181588955.. The silent one is not active.
    assert lines(closed, "madrid") == [
        (None, "1.7418158896", "4213.80", "active devices of energy by seconds in service: every unit at 2,419.20")
    ]
    assert closed.rows(EXPLAINED, "INV-madrid-2019-02-01") == [
        (
            "1.7418158896 measured; tier 1 (units) prices 1.7418158896; "
            "1.7418158896 x 2,419.20 = 4,213.8010001203, rounded 4,213.80",
        )
    ]


def test_an_hour_that_clocks_skip_does_not_pass(closed: Pipeline) -> None:
    # From 01:00 of 31 March, when 02:00 to 03:00 did not come, to midnight 22 hours passed: 79,200 of 2,674,800 seconds
    # are 0.0296096904 (by what clocks show 23 of 744 hours, 0.0309139785). Two more were there all the month.
    # 2.0296096904 x 2,419.20 = 4,910.0317..
    assert [row[1:3] for row in lines(closed, "madrid", "03")] == [("2.0296096904", "4910.03")]


def test_the_bridge_tells_time_in_service_as_volume(closed: Pipeline) -> None:
    # 4,910.03 - 4,213.80.
    assert closed.rows(CHANGES, "INV-madrid-2019-03-01") == [("volume", "696.23")]


@pytest.mark.parametrize(
    ("tenant", "amount"),
    [
        # 28 days, 7 until the midnight of the 8th, and 10 of which the last is touched: 45.
        ("day-exclusive", "45.00"),
        # With the day of the end it is 8; the 10th counted already.
        ("day-inclusive", "46.00"),
        # 28 + 7 + 9.25 days by elapsed time; with the whole of the 8th and of the 10th 28 + 8 + 10.
        ("second-exclusive", "44.25"),
        ("second-inclusive", "46.00"),
        # Until 15 February: 14 + 14 + 7 days, and with the day of an end 15 + 15 + 8. What was retired at the first
        # instant was never in service, and the day of that is not paid.
        ("half-day-exclusive", "35.00"),
        ("half-day-inclusive", "38.00"),
        ("half-second-exclusive", "35.00"),
        ("half-second-inclusive", "38.00"),
    ],
)
def test_an_inclusive_end_pays_the_day_on_which_a_device_is_retired(closed: Pipeline, tenant: str, amount: str) -> None:
    assert [row[2] for row in lines(closed, tenant)] == [amount]


def test_the_line_says_that_the_last_day_is_included(closed: Pipeline) -> None:
    words = {tenant: lines(closed, tenant)[0][3] for tenant in ("day-inclusive", "second-inclusive", "day-exclusive")}
    assert words == {
        "day-inclusive": "active devices of energy by days in service, last day included: every unit at 28.00",
        "second-inclusive": "active devices of energy by seconds in service, last day included: every unit at 28.00",
        "day-exclusive": "active devices of energy by days in service: every unit at 28.00",
    }


def test_devices_of_a_type_are_prorated_together(closed: Pipeline) -> None:
    # Cameras: 28 + 13.5 of 28 days at 56.00; the other 7.25 at 28.00.
    assert [row[:3] for row in lines(closed, "two-types")] == [
        ("camera", "1.4821428571", "83.00"),
        (None, "0.2589285714", "7.25"),
    ]


def test_a_partial_contract_prorates_a_device_once(closed: Pipeline) -> None:
    # 14 + 7.25 of 28 days, of which half a device is included.
    assert [row[1:3] for row in lines(closed, "half-contract")] == [("0.2589285714", "7.25")]


def test_charges_of_one_card_count_devices_each_in_its_way(closed: Pipeline) -> None:
    # By the day 28 + 14 + 8 (the morning of the 8th is a day), by the second 28 + 13.5 + 7.25, and three devices.
    assert [row[2] for row in lines(closed, "all-ways")] == ["50.00", "48.75", "84.00"]


def test_a_preview_counts_time_in_service_of_the_whole_period(closed: Pipeline) -> None:
    # April: one all of it, one until the 16th, 15 of 30 days: 1.5 x 2,419.20.
    assert closed.preview("2019-04", "2019-04-05T00:00:00Z")["INV-madrid-2019-04-01"] == "3628.80"


def test_a_corrected_time_of_service_amends_what_is_closed(closed: Pipeline) -> None:
    devices = closed.configuration.tables["devices"]
    (retired,) = (row for row in devices if (row["tenant_id"], row["retired_at"]) == ("second-exclusive", ENDS[2]))
    # Six hours earlier, at a midnight: a quarter of a day less.
    retired["retired_at"] = "2019-02-10T00:00"
    closed.configure()
    assert closed.close("2019-02", "2019-04-05") == [("INV-second-exclusive-2019-02-01", 2, "44.00")]


def test_every_invoice_is_proven_again(closed: Pipeline) -> None:
    assert closed.prove() == {}
    closed.audit()
