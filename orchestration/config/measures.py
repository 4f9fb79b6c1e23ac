"""Charges that measure by themselves: what each charge basis reads of its row, its tiers and the other tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from orchestration.config.prices import DEVICE_ATTRIBUTES
from orchestration.config.problems import Problems
from orchestration.config.tables import Metric, RateCard, RateCardTier
from orchestration.config.values import shown

if TYPE_CHECKING:
    from orchestration.config.checks import Rows

CARDS = "rate_cards.csv"
TIERS = "rate_card_tiers.csv"
CREDITED_BY = ("per_unit", "volume", "graduated")
ChargeKey = tuple[str, int, str | None, str | None]


def check_measures(rows: Rows, problems: Problems) -> None:
    """Refuse charges by silence, levels, different values or days in service that would not measure what they say."""
    metrics = {metric.metric: metric for _, metric in rows.metrics}
    has_cadence = any(kind.expected_interval_seconds is not None for _, kind in rows.device_types)
    of_charge: dict[ChargeKey, list[tuple[int, RateCardTier]]] = defaultdict(list)
    for line, tier in rows.rate_card_tiers:
        if tier.charge_basis == "offline_hours":
            of_charge[_charge(tier)].append((line, tier))
    for line, card in rows.rate_cards:
        for column, text in (*_prorated(card), *_weighted(card, metrics), *_distinct(card)):
            problems.add(CARDS, text, line=line, column=column)
        if card.charge_basis == "offline_hours":
            for column, text in _offline(card, has_cadence or problems.of("device_types.csv") > 0):
                problems.add(CARDS, text, line=line, column=column)
            _refuse_fees(of_charge[_charge(card)], problems)


def _charge(row: RateCard | RateCardTier) -> ChargeKey:
    return (row.rate_card_id, row.rate_card_version, row.metric, row.charge)


def _prorated(card: RateCard) -> Iterator[tuple[str, str]]:
    if card.device_proration == "none":
        return
    if card.charge_basis != "active_devices":
        yield (
            "device_proration",
            f"{shown(card.device_proration)} is for charge_basis active_devices; leave it empty or charge for devices",
        )
    if card.price_model == "flat":
        yield "device_proration", "has no meaning for a flat price, which counts no devices; leave it empty"


def _weighted(card: RateCard, metrics: dict[str, Metric]) -> Iterator[tuple[str, str]]:
    if card.charge_basis != "time_weighted":
        if card.weighting != "hour":
            yield "weighting", f"{shown(card.weighting)} is for charge_basis time_weighted; leave it empty"
        return
    metric = metrics.get(card.metric or "")
    if card.metric is None:
        yield (
            "metric",
            "is empty, but levels of different metrics do not add up; name the metric whose level is charged",
        )
    elif metric is not None and metric.reading_type != "gauge":
        yield (
            "metric",
            f"{shown(card.metric)} is no level: its reading_type in metrics.csv is {metric.reading_type}; "
            "use a gauge, or charge_basis usage",
        )
    yield from _unsplit(card, "a level")


def _offline(card: RateCard, has_cadence: bool) -> Iterator[tuple[str, str]]:
    if card.metric is not None:
        yield (
            "metric",
            f"{shown(card.metric)} has no meaning for hours offline: a device is silent or it is not; leave it empty",
        )
    if card.price_model not in CREDITED_BY:
        yield (
            "price_model",
            f"{shown(card.price_model)} has no meaning for a credit; use per_unit, volume or graduated",
        )
    if not has_cadence:
        yield (
            "charge_basis",
            "'offline_hours' would never credit anything: no type in device_types.csv has expected_interval_seconds; "
            "write it there",
        )
    yield from _unsplit(card, "hours offline")


def _distinct(card: RateCard) -> Iterator[tuple[str, str]]:
    if card.charge_basis != "distinct_values":
        return
    if card.metric is None:
        yield "metric", "is empty; name the metric whose messages carry the values"
    if card.attribute is None:
        yield "attribute", "is empty; name what messages carry whose different values are counted"
    elif card.attribute in DEVICE_ATTRIBUTES:
        yield (
            "attribute",
            f"{shown(card.attribute)} is a column of devices.csv; name what messages carry, or count active_devices",
        )
    if card.price_model in ("matrix", "dynamic", "time_of_use"):
        yield "price_model", f"{shown(card.price_model)} splits a quantity, and values are counted; use graduated"


def _unsplit(card: RateCard, what: str) -> Iterator[tuple[str, str]]:
    if card.attribute is not None:
        yield "attribute", f"{shown(card.attribute)} has no meaning for {what}; leave it empty"


def _refuse_fees(tiers: Sequence[tuple[int, RateCardTier]], problems: Problems) -> None:
    for line, tier in tiers:
        if tier.flat_fee:
            text = f"'{tier.flat_fee:f}' would be charged, not credited, for hours offline; leave it empty"
            problems.add(TIERS, text, line=line, column="flat_fee")
