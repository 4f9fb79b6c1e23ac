"""Twenty rate cards, each with a price of another kind, as rows of the configuration."""

from __future__ import annotations

from collections.abc import Sequence

CURRENCY, METRIC = "EUR", "energy"
SCHEDULE = "day-and-night"
LADDER = ((10, "0.30"), (100, "0.25"), (1_000, "0.20"), (10_000, "0.15"), ("", "0.10"))
# Charges of a card: columns of rate_cards.csv, and tiers of (up_to, unit_price, flat_fee, percent, package_size, part).
Charge = tuple[dict[str, object], Sequence[tuple[object, ...]]]
CARDS: tuple[tuple[Charge, ...], ...] = (
    (({"price_model": "per_unit"}, [("", "0.25")]),),
    (({"price_model": "per_unit", "included_units": 500}, [("", "0.25")]),),
    (({"price_model": "per_unit", "window": "day"}, [("", "0.25")]),),
    (({"price_model": "volume"}, LADDER),),
    (({"price_model": "volume", "charge_basis": "active_devices"}, [(50, "2.00"), ("", "1.50")]),),
    (({"price_model": "graduated"}, LADDER),),
    (({"price_model": "graduated"}, [(bound, price, "1.00") for bound, price in LADDER]),),
    (({"price_model": "graduated", "zero_quantity": "first_tier_flat"}, [(100, "0.3", "5.00"), ("", "0.2")]),),
    (
        (
            {"price_model": "per_unit", "charge_basis": "active_devices", "device_proration": "day"},
            [("", "3.00")],
        ),
    ),
    (({"price_model": "package", "package_size": 50}, [("", "9.00")]),),
    (({"price_model": "whole_packages", "package_size": 50}, [("", "9.00")]),),
    (({"price_model": "block_tiers"}, [(1_000, "3.00", "", "", 25), ("", "5.00", "", "", 50)]),),
    (({"price_model": "top_block"}, [(1_000, "3.00", "", "", 25), ("", "5.00", "", "", 50)]),),
    (({"price_model": "capacity"}, [(1_000, "", "90"), ("", "", "150")]),),
    (({"price_model": "percentage", "fee_per_event": "0.05"}, [("", "", "", "2")]),),
    (({"price_model": "graduated_percentage"}, [(1_000, "", "", "2"), ("", "", "", "1")]),),
    (
        (
            {"price_model": "matrix", "attribute": "device_type"},
            [("", "0.3", "", "", "", "meter"), ("", "0.2")],
        ),
    ),
    (
        (
            {"price_model": "time_of_use", "schedule": SCHEDULE},
            [("", "0.3", "", "", "", "day"), ("", "0.2", "", "", "", "night")],
        ),
    ),
    (
        (
            {"price_model": "per_unit", "charge_basis": "peak_demand", "demand_minutes": 60},
            [("", "1.50")],
        ),
        ({"price_model": "per_unit"}, [("", "0.12")]),
    ),
    (
        ({"price_model": "flat", "charge": "standing"}, [("", "", "12.00")]),
        ({"price_model": "per_unit", "charge_basis": "days", "charge": "daily"}, [("", "0.40")]),
        ({"price_model": "per_unit"}, [("", "0.2")]),
    ),
)
CARD_COLUMNS = (
    "rate_card_id", "currency_code", "metric", "price_model", "package_size", "charge", "charge_basis", "attribute",
    "included_units", "window", "zero_quantity", "device_proration", "fee_per_event", "schedule", "demand_minutes",
)  # fmt: skip
TIER_VALUES = ("up_to", "unit_price", "flat_fee", "percent", "package_size", "part")
TIER_COLUMNS = ("rate_card_id", "metric", "charge", "charge_basis", "tier_number", *TIER_VALUES)
PART_COLUMNS = ("schedule", "sequence", "part", "starts_time", "ends_time")
PARTS = ((SCHEDULE, 1, "day", "06:00", "22:00"), (SCHEDULE, 2, "night", "00:00", "24:00"))


def card_id(number: int) -> str:
    """Name of the card of the tenant with that number: one after the other."""
    return f"card-{number % len(CARDS):02}"


def rows() -> tuple[list[list[object]], list[list[object]]]:
    """Rows of rate_cards.csv and of rate_card_tiers.csv."""
    cards: list[list[object]] = []
    tiers: list[list[object]] = []
    for number, charges in enumerate(CARDS):
        for columns, ladder in charges:
            key = {"rate_card_id": card_id(number), "metric": METRIC, "currency_code": CURRENCY} | columns
            cards.append([key.get(name, "") for name in CARD_COLUMNS])
            own = [key.get(name, "") for name in ("rate_card_id", "metric", "charge", "charge_basis")]
            parts: dict[object, int] = {}
            for tier in ladder:
                cells = dict(zip(TIER_VALUES, tier, strict=False))
                part = cells.get("part", "")
                parts[part] = parts.get(part, 0) + 1
                tiers.append([*own, parts[part], *(cells.get(name, "") for name in TIER_VALUES)])
    return cards, tiers
