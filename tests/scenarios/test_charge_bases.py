"""What a charge counts beside use: devices by days in service. February 2019 (28 days) is closed once, for all cases."""

from __future__ import annotations

import pytest

from tests.support import Pipeline, message

LINES = """
select line_type, part, trim_scale(quantity)::text, trim_scale(unit_price)::text, amount::text, description
from finance.invoice_lines where invoice_id = %s order by line_number
"""


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
    days = {"came-and-went": (3, 20, 3, 10), "half-contract": (3, 3), "two-types": (3, 3, 3)}
    pipeline.land(
        *(
            message(tenant, f"d-{number}", 1, 5, f"2019-02-{day:02}T18:30Z")
            for tenant, reports in days.items()
            for number, day in enumerate(reports)
        ),
        message("half-contract", "d-0", 1, 5, "2019-02-04", metric="water"),
    )


@pytest.fixture(scope="module")
def february(shared_pipeline: Pipeline) -> Pipeline:
    """February 2019, closed once for every case of this module."""
    shared_pipeline.configuration.metric("water", unit="l")
    shared_pipeline.configuration.row("device_types", device_type="camera")
    for declare in (devices_by_days,):
        declare(shared_pipeline)
    shared_pipeline.process()
    shared_pipeline.close("2019-02", "2019-03-05")
    return shared_pipeline


def lines(pipeline: Pipeline, tenant: str) -> list[tuple[object, ...]]:
    return pipeline.rows(LINES, f"INV-{tenant}-2019-02-01")


def test_a_device_counts_for_the_days_it_was_in_service(february: Pipeline) -> None:
    # 28 + 14 (15th to 28th) + 7 (1st to 7th) + 1 day of 28: 50 / 28 = 1.7857142857 devices. Who was silent is not active.
    assert lines(february, "came-and-went") == [
        (
            "usage", None, "1.7857142857", "28", "50.00",
            "active devices of energy by days in service: every unit at 28.00",
        )
    ]  # fmt: skip


def test_a_partial_contract_prorates_a_device_once(february: Pipeline) -> None:
    # A contract of 14 of 28 days: one device all of it, 14 / 28, one for 7 / 28; half a device is included. 0.25 x 28.00.
    assert [row[2:5] for row in lines(february, "half-contract")] == [("0.25", "28", "7.00")]


def test_devices_of_a_type_are_prorated_together(february: Pipeline) -> None:
    # Cameras: 28 + 7 days of 28 = 1.25 at 56.00; the other 7 / 28 at 28.00.
    assert [row[1:5] for row in lines(february, "two-types")] == [
        ("camera", "1.25", "56", "70.00"),
        (None, "0.25", "28", "7.00"),
    ]


def test_every_invoice_is_proven_again(february: Pipeline) -> None:
    assert february.held == {}
    assert february.prove() == {}
