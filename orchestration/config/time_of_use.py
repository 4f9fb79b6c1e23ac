"""Schedules: every minute of every kind of day belongs to a part, and what a charge asks of them makes sense."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from operator import itemgetter
from typing import TYPE_CHECKING

from orchestration.config.problems import Problems
from orchestration.config.tables import Holiday, Metric, RateCard, RateCardTier, TimeOfUse
from orchestration.config.values import shown

if TYPE_CHECKING:
    from orchestration.config.checks import Rows

FILE = "time_of_use.csv"
CARDS = "rate_cards.csv"
TIERS = "rate_card_tiers.csv"
MINUTES = 24 * 60
WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Numbered = tuple[int, TimeOfUse]
ChargeKey = tuple[str, int, str | None, str, str | None]
# Bounds of the tiers by number, for each part that has tiers of its own.
Ladders = dict[str | None, list[tuple[int, Decimal | None]]]


def check_schedules(rows: Sequence[Numbered], holidays: Sequence[tuple[int, Holiday]], problems: Problems) -> None:
    """Refuse rows that say nothing, calendars without dates, and schedules that leave a minute without a part."""
    schedules: dict[str, list[Numbered]] = defaultdict(list)
    calendars = {holiday.calendar for _, holiday in holidays}
    for line, row in rows:
        schedules[row.schedule].append((line, row))
        if _minute(row.starts_time) >= _minute(row.ends_time):
            text = (
                f"{row.ends_time} is not after starts_time {row.starts_time}; write what goes over midnight as two rows"
            )
            problems.add(FILE, text, line=line, column="ends_time")
        if row.calendar is not None and row.calendar not in calendars:
            text = (
                f"{shown(row.calendar)} is not in holidays.csv; add its dates (`meterline rates holidays` writes them)"
            )
            problems.add(FILE, text, line=line, column="calendar")
        elif row.calendar is None and "holiday" in row.days.split():
            text = "is empty, but days names holidays; name a calendar of holidays.csv"
            problems.add(FILE, text, line=line, column="calendar")
    if problems.of(FILE):
        return
    for name, own in schedules.items():
        own.sort(key=lambda numbered: numbered[1].sequence)
        _one_calendar(own, problems)
        hole = _first_hole([row for _, row in own])
        if hole:
            text = f"schedule {shown(name)} has no part for {hole}; add a row, or a last one for all days"
            problems.add(FILE, text, line=own[0][0])


def check_use_of_schedules(rows: Rows, problems: Problems) -> None:
    """Refuse charges whose columns about time do not go together, and parts without a price."""
    metrics = {metric.metric: metric for _, metric in rows.metrics}
    parts: dict[str, set[str]] = defaultdict(set)
    for _, row in rows.time_of_use:
        parts[row.schedule].add(row.part)
    ladders: dict[ChargeKey, Ladders] = defaultdict(lambda: defaultdict(list))
    for _, tier in rows.rate_card_tiers:
        ladders[_charge(tier)][tier.part].append((tier.tier_number, tier.up_to))
    for line, card in rows.rate_cards:
        for column, text in _contradictions(card, metrics):
            problems.add(CARDS, text, line=line, column=column)
        own = ladders[_charge(card)]
        if card.schedule in parts and own and not problems.of(TIERS):
            for column, text in _parts_without_price(card, parts[card.schedule], own):
                problems.add(CARDS, text, line=line, column=column)


def _charge(row: RateCard | RateCardTier) -> ChargeKey:
    return (row.rate_card_id, row.rate_card_version, row.metric, row.charge_basis, row.charge)


def _contradictions(card: RateCard, metrics: dict[str, Metric]) -> Iterator[tuple[str, str]]:
    is_peak = card.charge_basis == "peak_demand"
    is_timed = card.schedule or card.window or is_peak or card.net_metric
    named = [metrics.get(name) for name in (card.metric or "", card.net_metric or card.metric or "")]
    if (card.price_model == "time_of_use") != (card.schedule is not None):
        yield (
            "schedule",
            "and price_model time_of_use go together: name a schedule of time_of_use.csv there, and only there",
        )
    if is_timed and any(metric is None or metric.aggregation not in {"sum", "count"} for metric in named):
        yield "metric", "and net_metric must be sums or counts; only such use divides into parts of the day"
    if is_timed and card.charge_basis not in {"usage", "peak_demand"}:
        yield "charge_basis", f"{shown(card.charge_basis)} has no time of use; leave schedule, window, net_metric empty"
    if is_timed and (card.attribute is not None or card.included_units):
        yield "included_units", "and attribute have no agreed meaning for a charge by the clock; use a first tier at 0"
    if is_timed and card.price_model in {"flat", "capacity", "percentage", "graduated_percentage", "dynamic"}:
        yield (
            "price_model",
            f"{shown(card.price_model)} does not ask when use was; leave schedule, window, net_metric empty",
        )
    if card.charge_basis == "days" and card.price_model != "per_unit":
        yield "price_model", f"{shown(card.price_model)} has no meaning for days; use per_unit"
    if card.window and (is_peak or card.tier_meaning != "per_part"):
        yield "window", "has no meaning for a peak, nor beside tiers that parts share; leave it empty"
    if card.tier_meaning != "per_part" and (card.schedule is None or is_peak):
        yield "tier_meaning", f"{shown(card.tier_meaning)} is for use by a schedule whose parts share the tiers"
    if is_peak != (card.demand_minutes is not None):
        yield "demand_minutes", "goes with charge_basis peak_demand, and only with it; write 15, 30 or 60 there"
    if (card.ratchet_percent is None) != (card.ratchet_periods is None):
        yield "ratchet_periods", "and ratchet_percent go together: how much of the greatest demand of how many periods"
    if card.ratchet_percent is not None and not is_peak:
        yield "ratchet_percent", "is for charge_basis peak_demand; leave it empty"
    if card.ratchet_months is not None and card.ratchet_percent is None:
        yield "ratchet_months", "says which months ratchet_percent looks at, which is empty; write both or neither"


def _parts_without_price(card: RateCard, parts: set[str], own: Ladders) -> Iterator[tuple[str, str]]:
    assert card.schedule is not None
    for part in sorted(parts - own.keys()) if None not in own else []:
        yield "schedule", f"{shown(card.schedule)} has a part {shown(part)} without a price; add its tier to {TIERS}"
    for part in sorted(part for part in own.keys() - parts if part is not None):
        yield "schedule", f"{shown(card.schedule)} has no part {shown(part)}, which {TIERS} prices; correct one of them"
    if (
        card.tier_meaning != "per_part"
        and len({tuple(bound for _, bound in sorted(ladder, key=itemgetter(0))) for ladder in own.values()}) > 1
    ):
        yield "tier_meaning", f"{shown(card.tier_meaning)} needs the same bounds (up_to) of the tiers in every part"


def _minute(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])


def _one_calendar(rows: Sequence[Numbered], problems: Problems) -> None:
    """Rows of one schedule must agree on what a holiday is: a row's `weekday` is a day that is none."""
    first_line, first = rows[0]
    for line, row in rows[1:]:
        if row.calendar != first.calendar:
            text = f"differs from line {first_line} of the same schedule; a schedule has one calendar for all its rows"
            problems.add(FILE, text, line=line, column="calendar")
            return


def _first_hole(rows: Sequence[TimeOfUse]) -> str:
    """The first minute without a part, in words; empty where there is none."""
    # Between the days on which seasons begin or have ended nothing changes.
    days = sorted({"01-01"} | {row.season_start for row in rows} | {_day_after(row.season_end) for row in rows})
    told: set[tuple[int, ...]] = set()
    for weekday, is_holiday in product(range(1, 8), (False, True) if rows[0].calendar else (False,)):
        fitting = [row for row in rows if _fits(row, weekday, is_holiday)]
        # Kinds of day with the same rows have the same holes.
        known, ids = len(told), tuple(row.sequence for row in fitting)
        told.add(ids)
        for day in days if len(told) > known else []:
            reached = _covered_until([row for row in fitting if _in_season(row, day)])
            if reached < MINUTES:
                kind = f"a holiday on a {WEEK[weekday - 1]}" if is_holiday else f"a {WEEK[weekday - 1]}"
                return f"{kind}, {day} at {reached // 60:02}:{reached % 60:02}"
    return ""


def _covered_until(rows: Sequence[TimeOfUse]) -> int:
    """The minute of the day up to which the rows leave no hole."""
    reached = 0
    for begins, ends in sorted((_minute(row.starts_time), _minute(row.ends_time)) for row in rows):
        if begins <= reached:
            reached = max(reached, ends)
    return reached


def _day_after(month_day: str) -> str:
    # 2000 is a leap year, so it has every day that a year can have.
    return (date.fromisoformat(f"2000-{month_day}") + timedelta(days=1)).strftime("%m-%d")


def _fits(row: TimeOfUse, weekday: int, is_holiday: bool) -> bool:
    words = set(row.days.split())
    return (
        bool(words & {"all", str(weekday)})
        or ("weekday" in words and weekday < 6 and not is_holiday)
        or ("weekend" in words and weekday > 5)
        or ("holiday" in words and is_holiday)
    )


def _in_season(row: TimeOfUse, day: str) -> bool:
    if row.season_start <= row.season_end:
        return row.season_start <= day <= row.season_end
    return day >= row.season_start or day <= row.season_end
