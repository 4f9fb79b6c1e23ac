"""Bills that explain themselves: lines in numbers, and the bridge from one invoice to the next, to the cent."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from orchestration import verbs
from orchestration.console import console
from tests.support import Message, Pipeline, message

CHANGES = """
select component, tier_number, device_id, amount::text from finance.invoice_changes
where invoice_id = %s order by change_no
"""
TIERS = ((100, "0.20"), (None, "0.15"))
NEXT = {"rate_card_version": 2, "effective_from_date": "2019-03-01"}

# By tenant: cards, contract, use by device in February and in March, the changes by hand.
Case = tuple[dict[str, object], dict[str, object], dict[str, object], dict[str, object], list[tuple[object, ...]]]
CASES: dict[str, Case] = {
    # 50 more at the average price of 1.00.
    "volume": ({}, {}, {"m-1": 100}, {"m-1": 150}, [("volume", 1, "m-1", "50.00")]),
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
    "new-device": ({}, {}, {"m-1": 100}, {"m-1": 100, "m-2": 50}, [("new_devices", 1, "m-2", "50.00")]),
    "device-gone": ({}, {}, {"m-1": 100, "m-2": 7}, {"m-1": 100}, [("removed_devices", 1, "m-2", "-7.00")]),
    # A fee of 28 for 14 of 28 days is 14.00, and for all of March 28.00.
    "days": (
        {"tiers": ((None, None, 28),), "price_model": "flat"},
        {"starts_at": "2019-02-15"},
        {"m-1": 1},
        {"m-1": 1},
        [("days", 1, None, "14.00")],
    ),
    # 100 at 1.10 instead of 1.00, and 10 % tax on what it moved.
    "price": (
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
    "same": ({}, {}, {"m-1": 5}, {"m-1": 5}, []),
}


def sent(tenant: str, month: int, use: dict[str, object]) -> list[Message]:
    def one(device: str, said: object) -> Message:
        quantity, others = said if isinstance(said, tuple) else (said, {})
        return message(tenant, device, month, quantity, f"2019-{month:02}-20T12:00", **others)

    return [one(device, said) for device, said in use.items()]


@pytest.fixture(scope="module")
def explained(shared_pipeline: Pipeline) -> Pipeline:
    """February and March of all cases, closed and explained."""
    pipeline = shared_pipeline
    for tenant, (card, contract, february, march, _) in CASES.items():
        columns = {name: value for name, value in card.items() if name not in ("tiers", "next")}
        pipeline.configuration.rate_card(tenant, *card.get("tiers", ((None, "1.00"),)), **columns)  # type: ignore
        if "next" in card:
            pipeline.configuration.rate_card(tenant, *card["next"], **columns, **NEXT)  # type: ignore
        pipeline.tenant(tenant, "m-1", "m-2", "m-3", rate_card_id=tenant, **contract)
        pipeline.land(*sent(tenant, 2, february), *sent(tenant, 3, march), name=f"{tenant}.jsonl")
    pipeline.process()
    pipeline.close("2019-02", "2019-04-05")
    pipeline.close("2019-03", "2019-04-05")
    pipeline.explain("2019-03")
    return pipeline


@pytest.mark.parametrize("tenant", CASES)
def test_the_difference_is_what_changed(explained: Pipeline, tenant: str) -> None:
    assert explained.rows(CHANGES, f"INV-{tenant}-2019-03-01") == CASES[tenant][4]


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
            "Use: more or less of it +10.00, other tiers -2.50.",
        )
    ]


def test_the_command_tells_it(explained: Pipeline) -> None:
    with console.capture() as captured:
        verbs.explain(explained.settings, "INV-tiers-2019-03-01", limit=20)
    told = captured.get()
    assert "150 measured; tier 2 (units above 100) prices 50; 50 x 0.15 = 7.50" in told
    assert "other tiers -2.50." in told
    assert re.search(r"tier_crossing +1 +-2\.50", told)
    assert re.search(r"volume +energy tier 2 +usage +m-1 +7\.50", told)


def test_explaining_changes_no_invoice(explained: Pipeline) -> None:
    assert explained.prove() == {}
    explained.audit()
