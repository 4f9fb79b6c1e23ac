"""Price models beyond tiers of use, each as one tenant of one close: the lines of its invoice by arithmetic."""

from __future__ import annotations

import pytest

from tests.support import Message, Pipeline, message

LINES = """
select line_type, part, tier_number, trim_scale(quantity)::text, trim_scale(unit_price)::text, amount::text
from finance.invoice_lines where invoice_id = %s order by line_number
"""
BLOCKS = (
    {"up_to": 100, "unit_price": "4.00", "package_size": 25},
    {"unit_price": "7.00", "package_size": 50},
)
ZONES = (
    {"part": "eu", "unit_price": "0.10"},
    {"part": "us", "unit_price": "0.20"},
    {"unit_price": "0.30"},
)
ONE_PERCENT = ({"percent": 1},)
USED_120 = [("m-1", 120, {})]

# By tenant: the card, what its devices send in order (device, quantity, other fields), the lines by hand.
CASES: dict[
    str, tuple[tuple[object, ...], dict[str, object], list[tuple[str, object, dict[str, object]]], list[object]]
] = {
    # 250 units hold two full packages of 100; the started third is not billed.
    "whole-packages": (
        ((None, "9.00"),),
        {"price_model": "whole_packages", "package_size": 100},
        [("m-1", 250, {})],
        [("package", None, 1, "2", "9", "18.00")],
    ),
    # The first 100 in blocks of 25, the 20 above in a block of 50.
    "blocks": (
        BLOCKS,
        {"price_model": "block_tiers"},
        USED_120,
        [("package", None, 1, "4", "4", "16.00"), ("package", None, 2, "1", "7", "7.00")],
    ),
    # All 120 in blocks of 50, those of the last tier reached.
    "top-block": (BLOCKS, {"price_model": "top_block"}, USED_120, [("package", None, 2, "3", "7", "21.00")]),
    "capacity": (
        ({"up_to": 200, "flat_fee": 90}, {"flat_fee": 150}),
        {"price_model": "capacity"},
        USED_120,
        [("flat_fee", None, 1, "1", "90", "90.00")],
    ),
    # A capacity that nobody uses is held all the same.
    "capacity-unused": (
        ({"up_to": 200, "flat_fee": 90}, {"flat_fee": 150}),
        {"price_model": "capacity"},
        [],
        [("flat_fee", None, 1, "1", "90", "90.00")],
    ),
    # 350.50 x 1.5 % = 5.2575; two events at 0.30.
    "percentage": (
        ({"percent": "1.5"},),
        {"price_model": "percentage", "fee_per_event": "0.30"},
        [("m-1", 100, {}), ("m-1", "250.50", {})],
        [("event_fee", None, 1, "2", "0.3", "0.60"), ("usage", None, 1, "350.5", "0.015", "5.26")],
    ),
    # Two events and an amount of 150 are free: all of 100, 50 of 80; 30 remain of it, and the third event pays whole.
    "allowance": (
        ONE_PERCENT,
        {"price_model": "percentage", "fee_per_event": "0.30", "free_events": 2, "free_amount": 150},
        [("m-1", 100, {}), ("m-1", 80, {}), ("m-2", 50, {})],
        [("event_fee", None, 1, "2", "0.3", "0.60"), ("usage", None, 1, "80", "0.01", "0.80")],
    ),
    # Fees of 0.10, 3.00 and 1.00 become 0.50, 2.00 and 1.00: 410 x 1 % and then 0.40 more and 1.00 less.
    "bounded": (
        ONE_PERCENT,
        {"price_model": "percentage", "minimum_per_event": "0.50", "maximum_per_event": 2},
        [("m-1", 10, {}), ("m-1", 300, {}), ("m-1", 100, {})],
        [("event_bounds", None, 1, "1", "-0.6", "-0.60"), ("usage", None, 1, "410", "0.01", "4.10")],
    ),
    # 1,000 x 2 % and 500 x 1 %.
    "shares": (
        ({"up_to": 1000, "percent": 2}, {"percent": 1}),
        {"price_model": "graduated_percentage"},
        [("m-1", 1500, {})],
        [("usage", None, 1, "1000", "0.02", "20.00"), ("usage", None, 2, "500", "0.01", "5.00")],
    ),
    # What is in no zone with a price, or says none, has the price of the others.
    "zones": (
        ZONES,
        {"price_model": "matrix", "attribute": "zone"},
        [
            ("m-1", 10, {"attributes": {"zone": "eu"}}),
            ("m-2", 20, {"attributes": {"zone": "us", "class": "A"}}),
            ("m-2", 2, {"attributes": {"zone": "us"}}),
            ("m-1", 5, {"attributes": {"zone": "ap"}}),
            ("m-1", 1, {}),
        ],
        [
            ("usage", "eu", 1, "10", "0.1", "1.00"),
            ("usage", "us", 1, "22", "0.2", "4.40"),
            ("usage", None, 1, "6", "0.3", "1.80"),
        ],
    ),
    "device-types": (
        ({"part": "valve", "unit_price": 2}, {"unit_price": 1}),
        {"price_model": "matrix", "attribute": "device_type", "charge_basis": "active_devices"},
        [("m-1", 1, {}), ("m-2", 1, {}), ("m-2", 1, {})],
        [("usage", "valve", 1, "2", "2", "4.00")],
    ),
    # The messages are amounts already: 3.25 + 1.10, times 1.2.
    "dynamic": (
        ((None, "1.2"),),
        {"price_model": "dynamic"},
        [("m-1", "3.25", {}), ("m-2", "1.10", {})],
        [("usage", None, 1, "4.35", "1.2", "5.22")],
    ),
    # Each message carries its price; "dear" is none, so the card's holds.
    "carried": (
        ((None, "0.50"),),
        {"price_model": "dynamic", "attribute": "price"},
        [
            ("m-1", 10, {"attributes": {"price": "0.31"}}),
            ("m-1", 5, {"attributes": {"price": 0.29}}),
            ("m-2", 2, {"attributes": {"price": "dear"}}),
        ],
        [
            ("usage", "0.29", 1, "5", "0.29", "1.45"),
            ("usage", "0.31", 1, "10", "0.31", "3.10"),
            ("usage", "dear", 1, "2", "0.5", "1.00"),
        ],
    ),
    # Beside its units the metric has a standing charge: two charges over one metric, told apart by name.
    "standing": (
        ((None, "0.12"),),
        {},
        [("m-1", 100, {})],
        [("flat_fee", None, 1, "1", "5", "5.00"), ("usage", None, 1, "100", "0.12", "12.00")],
    ),
}


@pytest.fixture(scope="module")
def billed(shared_pipeline: Pipeline) -> Pipeline:
    """All cases, closed for February."""
    pipeline, landed = shared_pipeline, list[Message]()
    pipeline.configuration.tables["device_types"].append({"device_type": "valve"})
    for tenant, (tiers, card, sent, _) in CASES.items():
        pipeline.configuration.rate_card(tenant, *tiers, **card)  # type: ignore[arg-type]
        pipeline.tenant(tenant, "m-1", "m-2", device_type="valve", rate_card_id=tenant)
        landed += [
            message(tenant, device, number, quantity, f"2019-02-{number:02}T12:00", **others)
            for number, (device, quantity, others) in enumerate(sent, start=1)
        ]
    pipeline.configuration.rate_card("standing", {"flat_fee": 5}, price_model="flat", charge="a-standing")
    pipeline.land(*landed)
    pipeline.process()
    pipeline.close("2019-02", "2019-03-05")
    return pipeline


@pytest.mark.parametrize("tenant", CASES)
def test_a_price_model_makes_the_lines_of_the_arithmetic(billed: Pipeline, tenant: str) -> None:
    assert billed.rows(LINES, f"INV-{tenant}-2019-02-01") == CASES[tenant][3]


def test_every_model_is_rated_again_to_the_same_bits(billed: Pipeline) -> None:
    assert billed.prove() == {}
    billed.audit()
