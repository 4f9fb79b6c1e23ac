"""Billing periods against an oracle: Python's own zone rules, over random and over all awkward contracts at once.

The oracle knows no SQL: it walks from date to date. A run takes hundreds of contracts, for the periods are one view.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from hypothesis import strategies as st

from tests.property.drawing import examples
from tests.support import Pipeline

CONTRACTS = int(os.environ.get("METERLINE_CONTRACTS", "300"))
SEED = int(os.environ.get("METERLINE_SEED", "2019"))
HORIZON = datetime(2024, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
# Both halves of the globe, with and without summer time, half and quarter hours, shifts of thirty minutes and of two
# hours, midnights that do not exist (Sao Paulo, Beirut, Cairo, Asuncion, Tehran), that occur twice (Havana, Azores,
# St John's), a day that does not exist (Apia), summer time that pauses for a month (Casablanca).
ZONES = (
    "UTC", "Europe/London", "Europe/Madrid", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Antarctica/Troll", "America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo", "America/Asuncion",
    "Asia/Tehran", "America/Havana", "Atlantic/Azores", "America/St_Johns", "Pacific/Apia", "Pacific/Kiritimati",
    "Africa/Casablanca",
)  # fmt: skip
AWKWARD = ((3, 10), (3, 31), (4, 30), (10, 15), (10, 27), (11, 3), (11, 7), (12, 30), (12, 31))
# Weeks of 4, 4 and 5 over sixteen years; single days around the one that Apia skipped; the dates of clock changes.
CALENDARS = {
    "weeks": [
        date(2008, 12, 29) + timedelta(weeks=13 * quarter + weeks) for quarter in range(64) for weeks in (0, 4, 8)
    ],
    "days": [date(2011, 12, 1) + timedelta(days=day) for day in range(90)],
    "changes": [
        date(2009, 1, 1),
        *(date(year, month, day) for year in range(2010, 2024) for month, day in AWKWARD),
        date(2025, 1, 1),
    ],
}


@dataclass(frozen=True)
class Contract:
    """As in contracts.csv."""

    zone: str
    cycle: str
    anchor_day: int
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True)
class Period:
    """As the platform publishes it."""

    start_date: date
    start_at: datetime
    end_at: datetime
    month: date
    covered_days: int
    cycle_days: int


def midnight(day: date, zone: str) -> datetime:
    """The first instant of a local date, or of the gap that swallowed it (fold 0 is both)."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def local_date(instant: datetime, zone: str) -> date:
    return instant.astimezone(ZoneInfo(zone)).date()


def cycle_starts(contract: Contract) -> Iterator[date]:
    """Dates on which cycles begin, from before the contract to after the horizon."""
    first = local_date(contract.starts_at, contract.zone)
    if contract.cycle in CALENDARS:
        yield from CALENDARS[contract.cycle]
    elif contract.cycle == "weekly":
        week = first - timedelta(days=14)
        week += timedelta(days=(contract.anchor_day - week.isoweekday()) % 7)
        yield from (week + timedelta(weeks=number) for number in range(900))
    else:
        month = first.replace(day=1) - relativedelta(months=2)
        for number in range(220):
            # An absolute day beyond the month's last one is clipped by relativedelta.
            yield month + relativedelta(months=number, day=contract.anchor_day)


def expected_periods(contract: Contract) -> list[Period]:
    """Cycle by cycle, clipped to the contract and named by the first local date."""
    periods = []
    ends_at = contract.ends_at or datetime.max.replace(tzinfo=UTC)
    for first, following in pairwise(cycle_starts(contract)):
        cycle_start, cycle_end = midnight(first, contract.zone), midnight(following, contract.zone)
        start_at, end_at = max(cycle_start, contract.starts_at), min(cycle_end, ends_at)
        if start_at >= end_at or start_at >= HORIZON:
            continue
        last_instant = end_at - MICROSECOND
        first_day = first if start_at == cycle_start else local_date(start_at, contract.zone)
        last_day = following - DAY if end_at == cycle_end else local_date(last_instant, contract.zone)
        month = local_date(last_instant, contract.zone).replace(day=1)
        covered = (last_day - first_day).days + 1
        periods.append(Period(first_day, start_at, end_at, month, covered, (following - first).days))
    return periods


def expected_of_tenant(contracts: list[Contract]) -> list[Period]:
    """Of all the tenant's contracts; a name that is taken is followed by the next date."""
    named: list[Period] = []
    for period in (period for contract in contracts for period in expected_periods(contract)):
        name = max(period.start_date, named[-1].start_date + DAY) if named else period.start_date
        named.append(Period(**{**vars(period), "start_date": name}))
    return named


INSTANTS = st.one_of(
    # Midnights of the awkward dates, seen from anywhere, and any minute at all.
    st.builds(midnight, st.sampled_from(CALENDARS["changes"][:-10]), st.sampled_from(ZONES)),
    st.builds(midnight, st.dates(date(2009, 1, 1), date(2023, 6, 1)), st.sampled_from(ZONES)),
    st.datetimes(datetime(2009, 1, 1), datetime(2023, 6, 1)).map(
        lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC)
    ),
)
LENGTHS = st.one_of(
    st.integers(1, 3 * 1440).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(1, 800).map(lambda days: timedelta(days=days)),
)


@st.composite
def tenants(draw: st.DrawFn) -> list[Contract]:
    """One to three contracts of a tenant, one after the other, each in a zone and by a cycle of its own."""
    contracts: list[Contract] = []
    starts_at = draw(INSTANTS)
    for number in range(count := draw(st.sampled_from([1, 1, 2, 3]))):
        zone, cycle = draw(st.sampled_from(ZONES)), draw(st.sampled_from(["monthly", "monthly", "weekly", *CALENDARS]))
        is_last = number == count - 1
        ends_at = None if is_last and draw(st.booleans()) else starts_at + draw(LENGTHS)
        if cycle in CALENDARS:
            dates = CALENDARS[cycle]
            inside = dates[0] <= local_date(starts_at, zone) < dates[-1] and (
                ends_at is None or local_date(ends_at - MICROSECOND, zone) < dates[-1]
            )
            cycle = cycle if inside else "monthly"
        anchor_day = 1 if cycle in CALENDARS else draw(st.integers(1, 7 if cycle == "weekly" else 31))
        contract = Contract(zone, cycle, anchor_day, starts_at, ends_at)
        if contracts and local_date(starts_at, zone) == local_date(contracts[-1].starts_at, contracts[-1].zone):
            break  # two contracts that begin on one local date are refused
        contracts.append(contract)
        starts_at = (ends_at or starts_at) + draw(st.sampled_from([timedelta(0), timedelta(0), timedelta(days=3)]))
        if starts_at >= HORIZON:
            break
    return contracts


def drawn(count: int) -> list[list[Contract]]:
    """As many tenants, the same for the same seed."""
    return examples(tenants(), count, SEED)


def periods_of(pipeline: Pipeline, named: dict[str, list[Contract]]) -> dict[str, list[Period]]:
    """What the platform makes of these tenants' contracts, up to the horizon."""
    for name, dates in CALENDARS.items():
        pipeline.configuration.calendar(name, *map(str, dates))
    for tenant, contracts in named.items():
        columns = [
            {
                "time_zone": contract.zone,
                "billing_cycle": contract.cycle,
                "anchor_day": contract.anchor_day,
                "starts_at": contract.starts_at.isoformat(),
                "ends_at": contract.ends_at and contract.ends_at.isoformat(),
            }
            for contract in contracts
        ]
        pipeline.tenant(tenant, "m-1", **columns[0])
        for number, others in enumerate(columns[1:], start=2):
            pipeline.configuration.contract(f"{tenant}-{number}", tenant, **others)
    pipeline.configure()
    pipeline.execute(
        "insert into ledger.loads (region, content_sha256, source_file, received_date, byte_count, message_count,"
        " status, last_received_at) values ('eu', 'x', 'x', '2023-12-31', 0, 0, 'applied', '2024-01-01Z')"
    )
    found: dict[str, list[Period]] = defaultdict(list)
    for tenant, *period in pipeline.rows(
        "select tenant_id, period_start_date, period_start_at, period_end_at, last_local_month,"
        " proration_numerator, proration_denominator"
        " from metering.int_billing_periods inner join registry.tenants using (tenant_no)"
        " where period_start_at < %s order by tenant_id, period_start_at",
        HORIZON,
    ):
        found[tenant].append(Period(*period))
    return found


def check(pipeline: Pipeline, named: dict[str, list[Contract]]) -> None:
    """The platform's periods are the oracle's, and they part each contract's time without gap or overlap."""
    found = periods_of(pipeline, named)
    for tenant, contracts in named.items():
        periods = found[tenant]
        assert periods == expected_of_tenant(contracts), (tenant, contracts)
        assert len({period.start_date for period in periods}) == len(periods)
        for contract in contracts:
            own = [
                p for p in periods if contract.starts_at <= p.start_at and p.end_at <= (contract.ends_at or p.end_at)
            ]
            assert own[0].start_at == contract.starts_at
            assert all(before.end_at == after.start_at for before, after in pairwise(own))
            if contract.cycle not in CALENDARS:
                assert own[-1].end_at >= min(contract.ends_at or HORIZON, HORIZON)


def test_random_contracts_are_parted_as_the_oracle_parts_them(pipeline: Pipeline) -> None:
    check(pipeline, {f"tenant-{number:05}": contracts for number, contracts in enumerate(drawn(CONTRACTS))})


def test_every_anchor_in_every_zone_over_leap_and_common_years(pipeline: Pipeline) -> None:
    begin = datetime(2019, 1, 9, 7, 30, tzinfo=UTC)
    anchors = [("monthly", day) for day in range(1, 32)] + [("weekly", day) for day in range(1, 8)]
    named = {
        f"{zone}/{cycle}-{day}": [Contract(zone, cycle, day, begin, begin + timedelta(days=800))]
        for zone in ZONES
        for cycle, day in anchors
    }
    check(pipeline, named)


def test_days_have_23_24_24_and_a_half_and_25_hours_and_one_has_none() -> None:
    """The oracle itself, against lengths of days that the zones published."""
    for zone, day, hours in (
        ("Europe/Madrid", date(2019, 3, 31), 23),
        ("Europe/Madrid", date(2019, 10, 27), 25),
        ("Australia/Lord_Howe", date(2019, 4, 7), 24.5),
        ("Australia/Lord_Howe", date(2019, 10, 6), 23.5),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
        ("America/Havana", date(2019, 11, 3), 25),
        ("Pacific/Apia", date(2011, 12, 30), 0),
        ("Pacific/Apia", date(2011, 12, 29), 24),
    ):
        assert midnight(day + DAY, zone) - midnight(day, zone) == timedelta(hours=hours), (zone, day)
