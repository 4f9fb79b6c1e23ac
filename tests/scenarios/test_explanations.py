"""Bills that explain themselves: lines in numbers, and the bridge from one invoice to the next, to the cent."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal

import pytest

from orchestration import verbs
from orchestration.console import console
from orchestration.settings import DBT_PROJECT
from tests.support import Message, Pipeline, message

DOCUMENTATION = DBT_PROJECT / "models" / "finance" / "_billing_docs.md"
CHANGES = """
select component, tier_number, device_id, amount::text from finance.invoice_changes
where invoice_id = %s order by change_no
"""
PARTS = "select component, part, amount::text from finance.invoice_changes where invoice_id = %s order by change_no"
SUMS = "select component, sum(amount)::text from finance.invoice_changes where invoice_id = %s group by 1"
TOTALS = "select total_amount::text from finance.invoices where tenant_id = %s order by period_start_at"
TIERS = ((100, "0.20"), (None, "0.15"))
TWELVE: dict[str, object] = {"tiers": ((None, "0.12"),)}
NEXT = {"rate_card_version": 2, "effective_from_date": "2019-03-01"}
EVENING = (
    {"schedule": "evening", "sequence": 1, "part": "peak", "starts_time": "17:00", "ends_time": "20:00"},
    {"schedule": "evening", "sequence": 2, "part": "day"},
)
BY_PART = ({"part": "peak", "unit_price": "0.50"}, {"part": "day", "unit_price": "0.30"})
DEARER_PEAK = ({"part": "peak", "unit_price": "0.60"}, {"part": "day", "unit_price": "0.30"})
TIMED: dict[str, object] = {"price_model": "time_of_use", "schedule": "evening"}
# In service for ten hours of February and twelve of March.
HOURLY = {"device_type": "hourly", "activated_at": "2019-02-28T14:00", "retired_at": "2019-03-01T12:00"}


def hours(day: str, *read: int) -> list[tuple[str, object]]:
    """10 kWh in each of these hours."""
    return [(f"{day}T{hour:02}:30", 10) for hour in read]


# By tenant: cards and what else is agreed, contract, use by device in February and in March, the changes by hand.
Case = tuple[dict[str, object], dict[str, object], dict[str, object], dict[str, object], list[tuple[object, ...]]]
CASES: dict[str, Case] = {
    # 50 more at 0.12.
    "volume": (TWELVE, {}, {"m-1": 100}, {"m-1": 150}, [("volume", 1, "m-1", "6.00")]),
    # The volume of both devices grew by half: 20 of 40, 30 of 60; the mix is as it was.
    "two-devices": (
        {},
        {},
        {"m-1": 40, "m-2": 60},
        {"m-1": 60, "m-2": 90},
        [("volume", 1, "m-1", "20.00"), ("volume", 1, "m-2", "30.00")],
    ),
    # 50 more at 0.20 would be 10.00; they came into tier 2, at 0.15, which is 2.50 less.
    "tiers": (
        {"tiers": TIERS, "price_model": "graduated"},
        {},
        {"m-1": 100},
        {"m-1": 150},
        [
            ("volume", None, "m-1", "2.50"),
            ("volume", 2, "m-1", "7.50"),
            ("tier_crossing", None, None, "-2.50"),
        ],
    ),
    "new-device": (TWELVE, {}, {"m-1": 100}, {"m-1": 100, "m-2": 50}, [("new_devices", 1, "m-2", "6.00")]),
    "device-gone": ({}, {}, {"m-1": 100, "m-2": 7}, {"m-1": 100}, [("removed_devices", 1, "m-2", "-7.00")]),
    # A fee of 28 for 14 of 28 days is 14.00, and for all of March 28.00.
    "days": (
        {"tiers": ((None, None, 28),), "price_model": "flat"},
        {"starts_at": "2019-02-15"},
        {"m-1": 1},
        {"m-1": 1},
        [("days", 1, None, "14.00")],
    ),
    # 100 at 0.13 instead of 0.12.
    "price": (TWELVE | {"next": ((None, "0.13"),)}, {}, {"m-1": 100}, {"m-1": 100}, [("price", 1, None, "1.00")]),
    # 50 more at the price so far, and then 0.10 more for each of the 150.
    "volume-and-price": (
        {"next": ((None, "1.10"),)},
        {},
        {"m-1": 100},
        {"m-1": 150},
        [("volume", 1, "m-1", "50.00"), ("price", 1, None, "15.00")],
    ),
    # 100 at 1.10 instead of 1.00, and 10 % tax on what it moved.
    "tax": (
        {"next": ((None, "1.10"),)},
        {"tax_percent": 10},
        {"m-1": 100},
        {"m-1": 100},
        [("price", 1, None, "10.00"), ("tax", None, None, "1.00")],
    ),
    # 3 x 0.333 = 0.999, rounded 1.00; 4 x 0.333 = 1.332, rounded 1.33. One more at 0.333 is 0.33.
    "cents": (
        {"tiers": ((None, "0.333"),)},
        {},
        {"m-1": 3},
        {"m-1": 4},
        [("volume", 1, "m-1", "0.33")],
    ),
    # 0.345, rounded 0.35, and then 0.69: 0.34 more. One more at 0.345 is 0.35, so that a cent is left.
    "rounding": (
        {"tiers": ((None, "0.345"),)},
        {},
        {"m-1": 1},
        {"m-1": 2},
        [("volume", 1, "m-1", "0.35"), ("rounding", 1, None, "-0.01")],
    ),
    # A third of 1.00 each, rounded so that the three devices add up.
    "thirds": (
        {"tiers": ((None, "1.00"),)},
        {},
        {"m-1": 1, "m-2": 1, "m-3": 1},
        {"m-1": "1.3333333333", "m-2": "1.3333333333", "m-3": "1.3333333334"},
        [("volume", 1, "m-1", "0.33"), ("volume", 1, "m-2", "0.34"), ("volume", 1, "m-3", "0.33")],
    ),
    # From zone to zone: 10 of eu (0.10) are 10 of us (0.20) now.
    "mix": (
        {
            "tiers": (
                {"part": "eu", "unit_price": "0.10"},
                {"part": "us", "unit_price": "0.20"},
                {"unit_price": "0.30"},
            ),
            "price_model": "matrix",
            "attribute": "zone",
        },
        {},
        {"m-1": (100, {"attributes": {"zone": "eu"}})},
        {"m-1": (100, {"attributes": {"zone": "us"}})},
        [("mix", 1, None, "-10.00"), ("mix", 1, None, "20.00")],
    ),
    # Ten hours of 10 kWh, then ten of twelve: the two between 10 and 10 are estimated at 10 each, 20 x 0.12.
    "estimates": (
        TWELVE | {"device": HOURLY},
        {"estimation": "linear"},
        {"m-1": hours("2019-02-28", *range(14, 24))},
        {"m-1": hours("2019-03-01", *range(5), *range(7, 12))},
        [("estimated", 1, "m-1", "2.40")],
    ),
    # A credit of 40 pays in February; one of 10, granted in March, pays then: 30.00 less.
    "credits": (
        {
            "credits": (
                {"credit_id": "forty", "amount": 40, "granted_date": "2019-01-01"},
                {"credit_id": "ten", "amount": 10, "granted_date": "2019-03-01"},
            )
        },
        {},
        {"m-1": 100},
        {"m-1": 100},
        [("credits", None, None, "30.00")],
    ),
    # 50 more, and a tenth of it off.
    "discount": (
        {"discounts": ({"discount_id": "always", "percent": 10},)},
        {},
        {"m-1": 100},
        {"m-1": 150},
        [("volume", 1, "m-1", "50.00"), ("volume", None, None, "-5.00")],
    ),
    # What is agreed from March on is a term of the contract: a tenth off 150, told after the 50 more at 1.00.
    "new-discount": (
        {"discounts": ({"discount_id": "spring", "percent": 10, "starts_date": "2019-03-01"},)},
        {},
        {"m-1": 100},
        {"m-1": 150},
        [("volume", 1, "m-1", "50.00"), ("price", None, None, "-15.00")],
    ),
    # 100 are committed: 20 more that are used are 20 less that are missing.
    "commitment": (
        {},
        {"commitment_amount": 100},
        {"m-1": 70},
        {"m-1": 90},
        [("volume", 1, "m-1", "20.00"), ("volume", None, None, "-20.00")],
    ),
    # 20 were missing to the minimum of 50, and nothing is.
    "minimum": (
        {},
        {"minimum_spend_amount": 50},
        {"m-1": 30},
        {"m-1": 80},
        [("volume", 1, "m-1", "50.00"), ("volume", None, None, "-20.00")],
    ),
    # 10 kWh in both months; in one hour at most 5, then 8: 3 kW more at 10.00, which no device made alone.
    "peak-demand": (
        {"tiers": ((None, "10.00"),), "charge_basis": "peak_demand", "demand_minutes": 60},
        {},
        {"m-1": [("2019-02-20T12:00", 5), ("2019-02-20T14:00", 5)]},
        {"m-1": [("2019-03-20T12:00", 8), ("2019-03-20T14:00", 2)]},
        [("volume", 1, None, "30.00")],
    ),
    # 10 of 20 kWh by day are in the evening now: 10 x 0.30 less, 10 x 0.50 more; then 0.10 more for 20 in the evening.
    "time-of-use": (
        TIMED | {"tiers": BY_PART, "next": DEARER_PEAK},
        {},
        {"m-1": [("2019-02-20T18:00", 10), ("2019-02-20T12:00", 20)]},
        {"m-1": [("2019-03-20T18:00", 20), ("2019-03-20T12:00", 10)]},
        [("mix", 1, None, "-3.00"), ("mix", 1, None, "5.00"), ("price", 1, None, "2.00")],
    ),
    # 10 in the evening at 0.60 instead of 0.50; 20 by day at 0.30 as before.
    "price-of-the-evening": (
        TIMED | {"tiers": BY_PART, "next": DEARER_PEAK},
        {},
        {"m-1": [("2019-02-20T18:00", 10), ("2019-02-20T12:00", 20)]},
        {"m-1": [("2019-03-20T18:00", 10), ("2019-03-20T12:00", 20)]},
        [("price", 1, None, "1.00")],
    ),
    # The landlord's meters: 6 more in the flat; in the house 10 of 30 were common, and 14 of 40, half of it each.
    "sub-metering": (
        {"metrics": ("common", "energy")},
        {},
        {},
        {},
        [("volume", 1, "main", "2.00"), ("volume", 1, "flat-1", "6.00")],
    ),
    "same": ({}, {}, {"m-1": 5}, {"m-1": 5}, []),
}
# What is read of the house, in February and March.
HOUSE = {"main": (30, 40), "flat-1": (10, 16), "flat-2": (10, 10)}


def sent(tenant: str, month: int, use: dict[str, object]) -> list[Message]:
    def each(device: str, said: object) -> list[Message]:
        if isinstance(said, list):
            return [message(tenant, device, month * 100 + n, quantity, at) for n, (at, quantity) in enumerate(said)]
        quantity, others = said if isinstance(said, tuple) else (said, {})
        return [message(tenant, device, month, quantity, f"2019-{month:02}-20T12:00", **others)]

    return [one for device, said in use.items() for one in each(device, said)]


def configure(pipeline: Pipeline, tenant: str, agreed: dict[str, object], contract: dict[str, object]) -> None:
    """A tenant with a card of its own."""
    configuration = pipeline.configuration
    beside = ("tiers", "next", "metrics", "device", "discounts", "credits")
    columns = {name: value for name, value in agreed.items() if name not in beside}
    for metric in agreed.get("metrics", ("energy",)):  # type: ignore[attr-defined]
        configuration.rate_card(tenant, *agreed.get("tiers", ((None, "1.00"),)), metric=metric, **columns)  # type: ignore
    if "next" in agreed:
        configuration.rate_card(tenant, *agreed["next"], **columns, **NEXT)  # type: ignore
    pipeline.tenant(tenant, "m-1", "m-2", "m-3", rate_card_id=tenant, **contract)
    configuration.tables["devices"][-3].update(agreed.get("device", {}))  # type: ignore[call-overload]
    for row in agreed.get("discounts", ()):  # type: ignore[attr-defined]
        configuration.row("discounts", tenant_id=tenant, **row)
    for row in agreed.get("credits", ()):  # type: ignore[attr-defined]
        configuration.row("credits", tenant_id=tenant, currency_code="EUR", **row)


def let_the_house(pipeline: Pipeline) -> None:
    """A house with two flats that are let, and a master meter."""
    configuration = pipeline.configuration
    configuration.metric("common", unit="kWh")
    pipeline.tenant("landlord")
    pipeline.tenant("neighbour", rate_card_id="sub-metering")
    for flat, occupant in (("flat-1", "sub-metering"), ("flat-2", "neighbour")):
        let = {"property_id": "house", "unit_id": flat}
        configuration.row("units", **let)
        configuration.row("occupancies", occupancy_id=flat, tenant_id=occupant, starts_at="2019-01-01", **let)
        configuration.row("devices", tenant_id="landlord", device_id=flat, meter_role="sub", **let)
    configuration.row("devices", tenant_id="landlord", device_id="main", property_id="house", meter_role="master")
    configuration.row("allocations", property_id="house", metric="energy", method="equal", charged_metric="common")
    for place, month in enumerate((2, 3)):
        pipeline.land(*sent("landlord", month, {meter: read[place] for meter, read in HOUSE.items()}))


def documented() -> dict[str, tuple[str, str, str]]:
    """The examples of the documentation: before, now and why, by tenant."""
    text = DOCUMENTATION.read_text().partition("{% docs bridge %}")[2].partition("{% enddocs %}")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    return {name.replace(" ", "-"): (before, now, why) for name, before, now, why in rows[2:]}


@pytest.fixture(scope="module")
def explained(shared_pipeline: Pipeline) -> Pipeline:
    """February and March of all cases, closed and explained."""
    pipeline = shared_pipeline
    pipeline.configuration.tables["time_of_use"] = list(EVENING)
    pipeline.configuration.row("device_types", device_type="hourly", expected_interval_seconds=3600)
    for tenant, (agreed, contract, february, march, _) in CASES.items():
        configure(pipeline, tenant, agreed, contract)
        pipeline.land(*sent(tenant, 2, february), *sent(tenant, 3, march), name=f"{tenant}.jsonl")
    let_the_house(pipeline)
    pipeline.process()
    pipeline.close("2019-02", "2019-04-05")
    pipeline.close("2019-03", "2019-04-05")
    pipeline.explain("2019-03")
    return pipeline


@pytest.mark.parametrize("tenant", CASES)
def test_the_difference_is_what_changed(explained: Pipeline, tenant: str) -> None:
    assert explained.rows(CHANGES, f"INV-{tenant}-2019-03-01") == CASES[tenant][4]


@pytest.mark.parametrize("example", sorted(documented().keys() - {"adjustment"}))
def test_the_documentation_tells_what_the_platform_tells(explained: Pipeline, example: str) -> None:
    before, now, why = documented()[example]
    invoiced = [re.findall(r"\d+\.\d\d", cell)[-1] for cell in (before, now)]
    assert [total for (total,) in explained.rows(TOTALS, example)] == invoiced
    told: Counter[str] = Counter()
    for component, amount in re.findall(r"([a-z][a-z ]+) ([+-]\d+\.\d\d)", why):
        told[component.replace(" ", "_")] += Decimal(amount)  # type: ignore[assignment]
    assert {name: str(amount) for name, amount in told.items()} == dict(
        explained.rows(SUMS, f"INV-{example}-2019-03-01")
    )


def test_a_change_of_prices_by_the_hour_names_the_part(explained: Pipeline) -> None:
    assert explained.rows(PARTS, "INV-price-of-the-evening-2019-03-01") == [("price", "peak", "1.00")]
    assert explained.rows(PARTS, "INV-time-of-use-2019-03-01") == [
        ("mix", "day", "-3.00"),
        ("mix", "peak", "5.00"),
        ("price", "peak", "2.00"),
    ]


def test_the_parts_add_up_to_the_difference_of_the_totals(explained: Pipeline) -> None:
    explained.audit()
    totals = dict(explained.rows("select invoice_id, total_amount from finance.invoices"))
    summed = dict(explained.rows("select invoice_id, sum(amount) from finance.invoice_changes group by 1"))
    for tenant in CASES:
        before = totals.get(f"INV-{tenant}-2019-02-01") or totals[f"INV-{tenant}-2019-02-15"]
        difference = totals[f"INV-{tenant}-2019-03-01"] - before
        assert summed.get(f"INV-{tenant}-2019-03-01", Decimal(0)) == difference, tenant


def test_what_was_told_once_is_not_told_again(explained: Pipeline) -> None:
    before = explained.rows("select count(*) from store.invoice_changes")
    explained.explain("2019-03")
    assert explained.rows("select count(*) from store.invoice_changes") == before


def test_a_line_says_how_it_was_computed(explained: Pipeline) -> None:
    lines = explained.rows(
        "select explanation from finance.invoice_line_explanations where invoice_id = 'INV-tiers-2019-03-01' order by 1"
    )
    assert lines == [
        ("150 measured; tier 1 (units up to 100) prices 100; 100 x 0.20 = 20.00",),
        ("150 measured; tier 2 (units above 100) prices 50; 50 x 0.15 = 7.50",),
    ]


def test_the_words_name_the_numbers(explained: Pipeline) -> None:
    assert explained.rows(
        "select explanation from finance.invoice_change_summaries where invoice_id = 'INV-tiers-2019-03-01'"
    ) == [
        (
            "INV-tiers-2019-03-01 is EUR 7.50 more than INV-tiers-2019-02-01 (27.50 after 20.00). "
            "Use: more or less of it +10.00 (changes 1 to 2), other tiers -2.50 (change 3).",
        )
    ]


def test_the_command_tells_it(explained: Pipeline) -> None:
    with console.capture() as captured:
        verbs.explain(explained.settings, "INV-tiers-2019-03-01", limit=20)
    told = captured.get()
    assert "150 measured; tier 2 (units above 100) prices 50; 50 x 0.15 = 7.50" in told
    assert "other tiers -2.50 (change 3)." in told
    assert re.search(r"tier_crossing +1 +-2\.50", told)
    assert re.search(r"2 +volume +energy tier 2 +usage +m-1 +7\.50", told)


def test_explaining_changes_no_invoice(explained: Pipeline) -> None:
    assert explained.prove() == {}
    explained.audit()
