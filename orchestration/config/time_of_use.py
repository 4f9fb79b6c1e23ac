"""Schedules: every minute of every kind of day belongs to a part, and what a charge asks of them makes sense."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import product
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


def check_schedules(
    rows: Sequence[Numbered], holidays: Sequence[tuple[int, Holiday]], problems: Problems
) -> None:
    """Refuse rows that say nothing, calendars without dates, and schedules that leave a minute without a part."""
    schedules: dict[str, list[Numbered]] = defaultdict(list)
    calendars = {holiday.calendar for _, holiday in holidays}
    for line, row in rows:
        schedules[row.schedule].append((line, row))
        if _minute(row.starts_time) >= _minute(row.ends_time):
            text = f"{row.ends_time} is not after starts_time {row.starts_time}; write what goes over midnight as two rows"
            problems.add(FILE, text, line=line, column="ends_time")
        if row.calendar is not None and row.calendar not in calendars:
            text = f"{shown(row.calendar)} is not in holidays.csv; add its dates (`meterline rates holidays` writes them)"
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
    for line, card in rows.rate_cards:
        for column, text in _contradictions(card, metrics):
            problems.add(CARDS, text, line=line, column=column)
    if problems.of(TIERS):
        return
    priced: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for line, tier in rows.rate_card_tiers:
        priced[_charge(tier)].add(tier.part)
    for line, card in rows.rate_cards:
        own = priced[_charge(card)]
        if card.schedule is None or card.schedule not in parts or not own or "" in own:
            continue
        for part in sorted(parts[card.schedule] - own):
            text = f"{shown(card.schedule)} has a part {shown(part)} without a price; add its tier to {TIERS}"
            problems.add(CARDS, text, line=line, column="schedule")
        for part in sorted(own - parts[card.schedule]):
            text = f"{shown(card.schedule)} has no part {shown(part)}, which {TIERS} prices; correct one of them"
            problems.add(CARDS, text, line=line, column="schedule")


def _charge(row: RateCard | RateCardTier) -> tuple[object, ...]:
    return (row.rate_card_id, row.rate_card_version, row.metric, row.charge_basis, row.charge)


def _contradictions(card: RateCard, metrics: dict[str, Metric]) -> Iterator[tuple[str, str]]:
    is_timed = card.schedule or card.window or card.charge_basis == "peak_demand" or card.net_metric
    metric = metrics.get(card.metric or "")
    if card.price_model == "time_of_use" and card.schedule is None:
        yield "schedule", "is empty; a time_of_use price names a schedule of time_of_use.csv"
    if is_timed and (metric is None or metric.aggregation not in {"sum", "count"}):
        yield "metric", "must name one that is a sum or a count; only such use divides into parts of the day"
    if is_timed and card.charge_basis == "active_devices":
        yield "charge_basis", "'active_devices' has no time of use; leave schedule, window and net_metric empty"
    if card.schedule and card.price_model in {"flat", "package"}:
        yield "price_model", f"{shown(card.price_model)} has no parts; use time_of_use with a schedule"
    if card.window and card.charge_basis == "peak_demand":
        yield "window", "has no meaning for peak_demand, which is one interval of the period; leave it empty"
    if card.window and card.tier_meaning != "per_part":
        yield "tier_meaning", f"{shown(card.tier_meaning)} has no meaning beside a window; leave it empty"
    if card.tier_meaning != "per_part" and card.schedule is None:
        yield "tier_meaning", f"{shown(card.tier_meaning)} needs a schedule whose parts share the tiers"
    if (card.charge_basis == "peak_demand") != (card.demand_minutes is not None):
        yield "demand_minutes", "goes with charge_basis peak_demand, and only with it; write 15, 30 or 60 there"
    if (card.ratchet_percent is None) != (card.ratchet_periods is None):
        yield "ratchet_periods", "and ratchet_percent go together: how much of the greatest demand of how many periods"
    if card.ratchet_percent is not None and (card.charge_basis != "peak_demand" or card.schedule is not None):
        yield "ratchet_percent", "is for charge_basis peak_demand without a schedule; leave it empty"
    if card.ratchet_months is not None and card.ratchet_percent is None:
        yield "ratchet_months", "says which months ratchet_percent looks at, which is empty; write both or neither"


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
    kinds = product(range(1, 8), (False, True) if rows[0].calendar else (False,))
    for weekday, is_holiday in kinds:
        fitting = [row for row in rows if _fits(row, weekday, is_holiday)]
        for day in days:
            reached = 0
            spans = ((_minute(r.starts_time), _minute(r.ends_time)) for r in fitting if _in_season(r, day))
            for begins, ends in sorted(spans):
                if begins <= reached:
                    reached = max(reached, ends)
            if reached < MINUTES:
                kind = f"a holiday on a {WEEK[weekday - 1]}" if is_holiday else f"a {WEEK[weekday - 1]}"
                return f"{kind}, {day} at {reached // 60:02}:{reached % 60:02}"
    return ""


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
