"""Rules over the rows of a rate card: what each price model reads, and tiers that price every unit once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from orchestration.config.problems import Problems
from orchestration.config.tables import RateCard, RateCardTier
from orchestration.config.values import named, shown

ChargeKey = tuple[str, int, str | None, str, str | None]
Tiers = Sequence[tuple[int, RateCardTier]]
# Columns of devices.csv by which a price may be split; any other attribute is one that messages carry.
DEVICE_ATTRIBUTES = ("device_id", "device_type", "property_id")
# Bases whose attribute, where they have one, does not split a quantity (see measures.py).
OWN_MEASURES = ("offline_hours", "time_weighted", "distinct_values")
BY_EVENT = ("free_events", "free_amount", "minimum_per_event", "maximum_per_event")


@dataclass(frozen=True)
class Model:
    """What a price model reads: the column of a tier that it cannot do without, how it says so, and the rest."""

    priced_by: str | None = None
    price: str = ""
    has_one_tier: bool = False
    has_packages: bool = False
    may_be_split: bool = False


PACKAGE = Model("unit_price", "the price of one package", has_one_tier=True, has_packages=True)
BLOCKS = Model("unit_price", "the price of one block", has_packages=True)
MODELS: Mapping[str, Model] = MappingProxyType(
    {
        "flat": Model("flat_fee", "the fee of a whole period", has_one_tier=True),
        "per_unit": Model("unit_price", "the price of one unit", has_one_tier=True),
        "volume": Model(),
        "graduated": Model(),
        "package": PACKAGE,
        "whole_packages": PACKAGE,
        "block_tiers": BLOCKS,
        "top_block": BLOCKS,
        "capacity": Model("flat_fee", "the fee of a capacity up to its bound"),
        "percentage": Model("percent", "the percentage of the amount", has_one_tier=True),
        "graduated_percentage": Model("percent", "the percentage of the amount in it"),
        "matrix": Model("unit_price", "the price of one unit", may_be_split=True),
        "dynamic": Model(
            "unit_price",
            "what an amount is multiplied by, or the price of events that carry none",
            True,
            may_be_split=True,
        ),
        "time_of_use": Model("unit_price", "the price of one unit", may_be_split=True),
    }
)


def check_prices(
    cards: Sequence[tuple[int, RateCard]],
    tiers: Sequence[tuple[int, RateCardTier]],
    broken: set[str],
    problems: Problems,
) -> None:
    """Add to `problems` what is wrong with the rows (with their lines) of rate_cards.csv and rate_card_tiers.csv.

    A tier without its card is no problem where the table of cards is in `broken`: the card's row was refused.
    """
    known = {_charge_key(card): (line, card) for line, card in reversed(cards)}
    of_card: dict[ChargeKey, dict[str | None, dict[int, tuple[int, RateCardTier]]]] = {
        key: defaultdict(dict) for key in known
    }
    for line, tier in tiers:
        key = _charge_key(tier)
        if key in known:
            of_card[key][tier.part].setdefault(tier.tier_number, (line, tier))
        elif "rate_cards" not in broken:
            text = f"{named(tier, RateCard.key)} is not in rate_cards.csv; add it there or correct it here"
            problems.add("rate_card_tiers.csv", text, line=line)
    for key, (line, card) in known.items():
        parts = {part: [numbered[n] for n in sorted(numbered)] for part, numbered in of_card[key].items()}
        _check_card(line, card, parts, problems)
        for part in parts.values():
            _check_ladder(part, problems)


def _check_card(line: int, card: RateCard, parts: Mapping[str | None, Tiers], problems: Problems) -> None:
    model = MODELS[card.price_model]
    _check_columns(line, card, model, problems)
    if not parts and not problems.of("rate_card_tiers.csv"):
        text = f"{named(card, RateCard.key)} has no price; add its tier to rate_card_tiers.csv"
        problems.add("rate_cards.csv", text, line=line)
    for part, tiers in parts.items():
        if part is not None and (
            not model.may_be_split or (card.attribute or card.schedule) is None or card.charge_basis in OWN_MEASURES
        ):
            split_by = "a schedule" if card.price_model == "time_of_use" else "an attribute"
            text = f"{shown(part)} would not be billed: this charge is not split by {split_by}; leave it empty"
            problems.add("rate_card_tiers.csv", text, line=tiers[0][0], column="part")
        if model.has_one_tier and len(tiers) > 1:
            text = f"a {card.price_model} price has one tier; use volume or graduated for several"
            problems.add("rate_card_tiers.csv", text, line=tiers[1][0], column="tier_number")
        for tier_line, tier in tiers:
            _check_price(tier_line, tier, card, model, problems)
    if parts and card.attribute is not None and None not in parts and card.charge_basis not in OWN_MEASURES:
        text = (
            f"{named(card, RateCard.key)} has no price for other values of {shown(card.attribute)}; add a tier with an "
        )
        problems.add("rate_cards.csv", text + "empty part to rate_card_tiers.csv", line=line)


def _check_columns(line: int, card: RateCard, model: Model, problems: Problems) -> None:
    """Each model reads its own columns of the card: a value in another one would never be billed."""

    def refuse(column: str, text: str) -> None:
        problems.add("rate_cards.csv", text, line=line, column=column)

    if card.charge_basis not in OWN_MEASURES:
        _check_attribute(card, model, refuse)
    if card.price_model in ("percentage", "dynamic") and card.charge_basis != "usage":
        refuse("charge_basis", f"a {card.price_model} price is of amounts that are measured; use usage")
    for column in (*BY_EVENT, "fee_per_event"):
        value = getattr(card, column)
        if value is not None and card.price_model != "percentage":
            refuse(column, f"'{value}' has no meaning for a {card.price_model} price; leave it empty or use percentage")
    if any(getattr(card, column) is not None for column in BY_EVENT):
        if card.metric is None:
            refuse("metric", "is empty, but single events are priced; name their metric")
        if card.included_units:
            refuse("included_units", "has no meaning where single events are priced; use free_amount or free_events")
    if model.has_packages and model.has_one_tier and card.package_size is None:
        refuse("package_size", "is empty; a package needs the number of units in it, more than 0")


def _check_attribute(card: RateCard, model: Model, refuse: Callable[[str, str], None]) -> None:
    """An attribute splits the quantity of a charge, where its model has prices for the parts."""
    if model.may_be_split and card.attribute is not None and card.metric is None:
        refuse("metric", f"is empty, but a {card.price_model} price splits one metric; name it")
    if card.price_model == "matrix" and card.attribute is None:
        refuse("attribute", "is empty; a matrix price needs the attribute whose values have their own prices")
    elif card.attribute is not None and (
        not model.may_be_split or card.price_model == "time_of_use" or card.charge_basis == "monitored_hours"
    ):
        what = "monitored hours" if card.charge_basis == "monitored_hours" else f"a {card.price_model} price"
        refuse("attribute", f"{shown(card.attribute)} has no meaning for {what}; leave it empty")
    elif card.attribute is not None and card.included_units:
        refuse("included_units", "has no agreed meaning for a price that is split; use a first tier at 0 instead")
    elif card.attribute not in (None, *DEVICE_ATTRIBUTES) and card.charge_basis != "usage":
        refuse(
            "attribute",
            f"{shown(card.attribute or '')} is what messages carry, and devices are counted; use device_type",
        )


def _check_price(line: int, tier: RateCardTier, card: RateCard, model: Model, problems: Problems) -> None:
    """Each model reads its own columns of a tier: a price in another one would never be billed."""
    name = card.price_model

    def refuse(column: str, text: str) -> None:
        problems.add("rate_card_tiers.csv", text, line=line, column=column)

    if model.priced_by is not None and getattr(tier, model.priced_by) is None:
        refuse(model.priced_by, f"is empty; a {name} price needs {model.price} (0 is a price)")
    elif model.priced_by == "flat_fee" and tier.unit_price:
        refuse(
            "unit_price", f"'{tier.unit_price:f}' would not be billed by a {name} price; leave it empty or use per_unit"
        )
    elif model.priced_by == "percent" and tier.unit_price is not None:
        refuse("unit_price", f"'{tier.unit_price:f}' would not be billed by a {name} price; write percent instead")
    elif model.priced_by != "percent" and tier.percent is not None:
        refuse("percent", f"'{tier.percent:f}' would not be billed by a {name} price; write unit_price instead")
    elif model.priced_by is None and tier.unit_price is None and tier.flat_fee is None:
        text = "unit_price and flat_fee are both empty; a tier needs one of them (0 is a price)"
        problems.add("rate_card_tiers.csv", text, line=line)
    if model.has_packages and tier.package_size is None and card.package_size is None and not model.has_one_tier:
        refuse(
            "package_size", f"is empty, here and in rate_cards.csv; a {name} price needs the number of units in a block"
        )
    elif not model.has_packages and tier.package_size is not None:
        refuse("package_size", f"'{tier.package_size:f}' has no meaning for a {name} price; leave it empty")


def _check_ladder(tiers: Tiers, problems: Problems) -> None:
    below: RateCardTier | None = None
    for expected, (line, tier) in enumerate(tiers, start=1):
        text, column = "", "up_to"
        if tier.tier_number != expected:
            text = f"'{tier.tier_number}' should be {expected}; number the tiers of a charge 1, 2, 3 without a gap"
            problems.add("rate_card_tiers.csv", text, line=line, column="tier_number")
            return
        if expected == len(tiers) and tier.up_to is not None:
            text = f"'{tier.up_to:f}' bounds the last tier; leave it empty, or use above it would have no price"
        elif expected < len(tiers) and tier.up_to is None:
            text = "is empty, which only the last tier may be; write its inclusive upper bound"
        if text:
            problems.add("rate_card_tiers.csv", text, line=line, column=column)
        if below is not None and below.up_to is not None and tier.up_to is not None and tier.up_to <= below.up_to:
            text = f"'{tier.up_to:f}' is not above the tier before ('{below.up_to:f}'); bounds are cumulative"
            problems.add("rate_card_tiers.csv", text, line=line, column=column)
        below = tier


def _charge_key(row: RateCard | RateCardTier) -> ChargeKey:
    return (row.rate_card_id, row.rate_card_version, row.metric, row.charge_basis, row.charge)
