"""Cards that are split by date: what has one meaning if its price changes within a period, and what does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Protocol

from orchestration.config.problems import Problems
from orchestration.config.tables import Metric, RateCard, RateCardTier
from orchestration.config.values import shown

CARDS = "rate_cards.csv"
TIERS = "rate_card_tiers.csv"
# Of use; what is counted over a period, such as devices, has no tiers that could run on.
SPLIT_MODELS = ("flat", "per_unit", "graduated", "package", "time_of_use")
SPLIT_BASES = ("usage", "active_devices", "days")
COUNT_MODELS = ("flat", "per_unit")
Cards = Sequence[tuple[int, RateCard]]


class Rows(Protocol):
    """What of a folder these checks read, with the lines on which rows begin."""

    metrics: list[tuple[int, Metric]]
    rate_cards: list[tuple[int, RateCard]]
    rate_card_tiers: list[tuple[int, RateCardTier]]


def check_split_by_date(rows: Rows, problems: Problems) -> None:
    """Refuse versions whose charges disagree, and prices that cannot follow or be followed by others in a period."""
    metrics = {metric.metric: metric for _, metric in rows.metrics}
    cards: dict[str, list[tuple[int, RateCard]]] = defaultdict(list)
    for line, card in rows.rate_cards:
        cards[card.rate_card_id].append((line, card))
    counted: set[tuple[object, ...]] = set()
    for own in cards.values():
        _versions_agree(own, problems)
        split = _since_split(own)
        for line, card in split:
            for column, text in _contradictions(card, metrics):
                remedy = "; change it, or begin another card" if card.split_by_date == "false" else ""
                problems.add(CARDS, text + remedy, line=line, column=column)
            if card.charge_basis != "usage" and card.price_model == "per_unit":
                counted.add(_key(card))
        _clocks_agree(split, problems)
    for line, tier in rows.rate_card_tiers:
        if tier.flat_fee and _key(tier) in counted:
            text = f"'{tier.flat_fee:f}' has no day on which its tier is entered, and the card is split by date; "
            problems.add(TIERS, text + "make it a flat charge of its own", line=line, column="flat_fee")


def _versions_agree(cards: Cards, problems: Problems) -> None:
    first: dict[int, tuple[int, str]] = {}
    for line, card in cards:
        first_line, value = first.setdefault(card.rate_card_version, (line, card.split_by_date))
        if card.split_by_date != value:
            text = f"{shown(card.split_by_date)} is not {shown(value)}, as the same version says on line {first_line}; "
            text += "a version splits all of its charges or none, so write the same in its rows"
            problems.add(CARDS, text, line=line, column="split_by_date")


def _since_split(cards: Cards) -> Cards:
    """Charges of versions that are split by date, and of those that may price the rest of a period after them."""
    begins = min((card.effective_from_date for _, card in cards if card.split_by_date == "true"), default=date.max)
    return [(line, card) for line, card in cards if card.effective_from_date >= begins]


def _contradictions(card: RateCard, metrics: Mapping[str, Metric]) -> Iterator[tuple[str, str]]:
    metric = metrics.get(card.metric or "")
    models = SPLIT_MODELS if card.charge_basis == "usage" else COUNT_MODELS
    if card.charge_basis not in SPLIT_BASES:
        yield "charge_basis", f"{shown(card.charge_basis)} has no agreed meaning for a card that is split by date"
    elif card.price_model not in models:
        text = f"{shown(card.price_model)} has no agreed meaning for {card.charge_basis} of a card that is split by "
        yield "price_model", f"{text}date; use {', '.join(models[:-1])} or {models[-1]}"
    elif card.charge_basis == "usage" and card.price_model != "flat":
        if card.metric is None:
            yield "metric", "is empty, but the card is split by date; only use of one metric divides into days"
        elif metric is not None and metric.aggregation not in {"sum", "count"}:
            yield "metric", f"{shown(card.metric)} is no sum or count; only such use can be split by date"
    for column in ("window", "net_metric"):
        if getattr(card, column) is not None:
            yield column, "has no agreed meaning for a card that is split by date; leave it empty"
    if card.device_proration != "none":
        yield (
            "device_proration",
            f"{shown(card.device_proration)} has no agreed meaning for a card that is split by date",
        )
    if card.tier_meaning != "per_part":
        yield "tier_meaning", f"{shown(card.tier_meaning)} has no agreed meaning for a card that is split by date"


def _clocks_agree(cards: Cards, problems: Problems) -> None:
    """Tiers of parts of the day do not run on into tiers of the whole day."""
    first: dict[tuple[object, ...], tuple[int, RateCard]] = {}
    for line, card in cards:
        first_line, other = first.setdefault((card.metric, card.charge_basis, card.charge), (line, card))
        if (card.schedule is None) != (other.schedule is None):
            text = f"is filled in here or on line {first_line} of the same charge, but not in both, and the card is "
            text += "split by date; name the charges differently (column charge)"
            problems.add(CARDS, text, line=line, column="schedule")


def _key(row: RateCard | RateCardTier) -> tuple[object, ...]:
    return (row.rate_card_id, row.rate_card_version, row.metric, row.charge_basis, row.charge)
