"""Replay: what is published depends on what was delivered, not on files, their order, their number or their repetition.

A history is a tenant and what its devices delivered. Each is loaded twice, as twin tenants whose files differ in
everything but their rows: other cuts, other folders, other order, other days of loading, copies under other names.

Many histories share a run of the platform, because a run costs the same for one and for a hundred:

    METERLINE_HISTORIES=2000 METERLINE_SEED=7 pytest tests/property/test_replay.py
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support import Message, Pipeline, instant, json_lines, message, stamp

HISTORIES = int(os.environ.get("METERLINE_HISTORIES", "60"))
SEED = int(os.environ.get("METERLINE_SEED", "2019"))
HISTORIES_PER_RUN = 60
ROUNDS = 4
TWINS = ("left", "right")

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

# Where rules change their mind: ends of months in several zones, clock changes, boundaries of grace, ends of UTC days.
PIVOTS = [
    instant(text)
    for text in (
        "2019-02-28T23:00", "2019-03-01T00:00", "2019-03-01T05:00", "2019-03-10T07:00", "2019-03-15T00:00",
        "2019-03-31T01:00", "2019-03-31T22:00", "2019-03-31T23:00", "2019-04-01T00:00", "2019-04-01T04:00",
        "2019-04-03T22:00", "2019-04-03T23:00", "2019-04-04T00:00",
    )
]  # fmt: skip
METRICS = {"energy": "sum", "hits": "count", "peak": "max", "low": "min", "level": "latest"}


@dataclass(frozen=True)
class File:
    """Some rows of a history, the day's folder they lie in, and the runs in which they appear, once per name."""

    rows: tuple[int, ...]
    folder_day: str
    rounds: tuple[int, ...]


@dataclass(frozen=True)
class History:
    """A contract, what was delivered, and two ways to cut it into files."""

    contract: dict[str, Any]
    arrivals: list[Message]
    files: dict[str, list[File]]


CONTRACTS = st.fixed_dictionaries(
    {
        "time_zone": st.sampled_from(["UTC", "Europe/London", "Europe/Madrid", "America/New_York", "Asia/Kathmandu"]),
        "clock_policy": st.sampled_from(["corrected", "corrected", "server", "hybrid", "device"]),
        "anchor_day": st.sampled_from([1, 1, 15, 31]),
        "grace_hours": st.sampled_from([72, 24, 0]),
        "starts_at": st.sampled_from(["2019-01-01", "2019-03-01", "2019-03-31"]),
        "ends_at": st.sampled_from(["", "", "2019-04-01"]),
    }
)
JITTERS = st.one_of(
    st.sampled_from([timedelta(0), -MICROSECOND, MICROSECOND, -SECOND]),
    st.integers(-7200, 7200).map(lambda seconds: timedelta(seconds=seconds)),
)
SKEWS = st.sampled_from([timedelta(0)] * 4 + [300 * SECOND, -300 * SECOND, 301 * SECOND, 2 * HOUR, -2 * HOUR])
LIVE = [timedelta(0), SECOND, SECOND, SECOND, 299 * SECOND, 300 * SECOND, 301 * SECOND]
BUFFERED = [HOUR, 26 * HOUR, 60 * HOUR, 72 * HOUR, 80 * HOUR, 120 * HOUR, 240 * HOUR]
QUANTITIES = st.sampled_from(["0", "1", "1.0", "1.5", "2", "0.0000000001", "9999999999.9999999999", "-1", "NaN"])


@st.composite
def deliveries(draw: st.DrawFn) -> list[Message]:
    """What two devices delivered: first arrivals, redeliveries, contradictions; each with a receipt time of its own."""
    skews = {session: draw(SKEWS) for session in (None, "s1", "s2")}
    rows: list[Message] = []
    taken = set()
    for _ in range(draw(st.integers(1, 24))):
        session = draw(st.sampled_from([None, "s1", "s1", "s2"]))
        happened_at = draw(st.sampled_from(PIVOTS)) + draw(JITTERS)
        was_buffered = draw(st.integers(0, 2)) == 0
        received_at = happened_at + draw(st.sampled_from(BUFFERED if was_buffered else LIVE))
        while received_at in taken:
            received_at += MICROSECOND
        taken.add(received_at)
        row = message(
            "",
            draw(st.sampled_from(["m-1", "m-2"])),
            draw(st.integers(1, 6)),
            draw(QUANTITIES),
            happened_at + skews[session],
            received_at,
            metric=draw(st.sampled_from([*METRICS, "energy", "energy"])),
            seq_epoch=draw(st.sampled_from([0, 0, 0, 1])),
            unit=draw(st.sampled_from(["", "", "kWh", "MWh"])),
        )
        if session is not None:
            row["session_id"] = session
        if was_buffered or draw(st.booleans()):
            row["sent_ts"] = stamp(
                received_at - draw(st.sampled_from([timedelta(0), SECOND, SECOND, HOUR])) + skews[session]
            )
        if rows and draw(st.integers(0, 2)) == 0:
            # The measurement of an earlier row again: as it was, or contradicting it.
            same = ["device_id", "msg_seq", "metric", "seq_epoch", "device_ts", "quantity", "unit"]
            contradicted = draw(st.sampled_from([None, None, "quantity", "device_ts"]))
            model = draw(st.sampled_from(rows))
            row |= {name: model[name] for name in same if name != contradicted}
        rows.append(row)
        if draw(st.integers(0, 9)) == 0:
            rows.append(row)  # byte for byte again: a tie that changes nothing
    return rows


@st.composite
def cuts(draw: st.DrawFn, arrivals: list[Message]) -> list[File]:
    """Every row in exactly one file; a file appears in one or more of the runs."""
    by_day: dict[str, list[int]] = defaultdict(list)
    for index in draw(st.permutations(range(len(arrivals)))):
        by_day[str(arrivals[index]["received_at"])[:10]].append(index)
    files = []
    for day, rows in by_day.items():
        for start in range(0, len(rows), size := draw(st.integers(1, len(rows)))):
            # A folder is at most a day away from the receipt of its rows.
            days_off = draw(st.sampled_from([0, 0, 0, -1, 1]))
            folder_day = (instant(day) + timedelta(days=days_off)).date().isoformat()
            rounds = draw(st.lists(st.integers(0, ROUNDS - 1), min_size=1, max_size=2))
            files.append(File(tuple(rows[start : start + size]), folder_day, tuple(sorted(rounds))))
    return files


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A history and its twins."""
    arrivals = draw(deliveries())
    return History(draw(CONTRACTS), arrivals, {twin: draw(cuts(arrivals)) for twin in TWINS})


def drawn(count: int, first_seed: int) -> list[History]:
    """`count` histories, the same for the same seed."""
    collected: list[History] = []

    @seed(first_seed)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(histories())
    def collect(history: History) -> None:
        collected.append(history)

    collect()
    return collected


# Everything that finance can see of a tenant; the first column names it, and no other.
NET = {
    "events": """
        select event.tenant_id, event.device_id, event.metric, event.seq_epoch, event.msg_seq, event.quantity,
            event.event_at, event.received_at, event.device_ts, event.session_id, event.timestamp_source,
            event.clock_offset_seconds, event.is_skew_candidate, event.disposition, period.period_start_date
        from metering.int_named_events as event left join store.periods as period using (period_no)
    """,
    "periods": """
        select tenant_id, split_part(period_id, ':', 2), device_id, metric, quantity, event_count, first_event_at,
            last_event_at, skew_candidate_count
        from finance.device_usage
    """,
    "late events": """
        select tenant_id, split_part(period_id, ':', 2), device_id, metric, quantity, event_at, received_at,
            lateness_hours
        from finance.late_events
    """,
    "refusals": "select tenant_id, reason, detail, count(*) from finance.quarantined_messages group by 1, 2, 3",
    "duplicates": "select tenant_id, hour_start_at, message_count, duplicate_count from finance.duplicate_rates",
    "conservation": """
        select split_part(split_part(source_file, '/', 3), '.', 1), sum(message_count), sum(stored_count),
            sum(duplicate_count), sum(quarantined_count), sum(late_not_billed_count)
        from governance.load_balance group by 1
    """,
} | {
    table: f"""
        select tenant_id, split_part(period_id, ':', 2), device_id, metric, bucket_start_at, quantity, event_count
        from finance.{table}
    """
    for table in ("usage_minutely", "usage_hourly", "usage_daily")
}


@pytest.mark.timeout(60 + 10 * HISTORIES)
def test_twins_end_equal(pipeline_of_histories: Iterator[Pipeline]) -> None:
    runs = [range(start, min(start + HISTORIES_PER_RUN, HISTORIES)) for start in range(0, HISTORIES, HISTORIES_PER_RUN)]
    for run, platform in zip(runs, pipeline_of_histories, strict=False):
        numbered = dict(enumerate(drawn(len(run), SEED + run.start), start=run.start))
        for metric, aggregation in METRICS.items():
            if metric != "energy":
                platform.configuration.metric(metric, unit="kWh", aggregation=aggregation)
        for number, history in numbered.items():
            for twin in TWINS:
                platform.tenant(name_of(number, twin), "m-1", "m-2", **history.contract)
        for turn in range(ROUNDS):
            for number, history in numbered.items():
                land(platform, number, history, turn)
            platform.process()
        check(platform, numbered)


@pytest.fixture
def pipeline_of_histories(new_pipeline: Any) -> Iterator[Pipeline]:
    """As many platforms as runs are needed, each made when its turn comes."""
    return (new_pipeline() for _ in iter(int, 1))


def name_of(number: int, twin: str) -> str:
    """The tenant that is this twin of a history."""
    return f"history-{number}-{twin}"


def land(platform: Pipeline, number: int, history: History, turn: int) -> None:
    """Write the files of both twins that appear in this run; the name says whose they are."""
    for twin in TWINS:
        tenant = name_of(number, twin)
        rows = [row | {"tenant_id": tenant} for row in history.arrivals]
        for index, file in enumerate(history.files[twin]):
            if turn in file.rounds:
                # What makes two files of the same rows two files is their first, blank, line.
                content = b" " * index + b"\n" + json_lines(rows[row] for row in file.rows)
                platform.land_bytes(f"{tenant}.{turn}.{index}.jsonl", content, file.folder_day)


def check(platform: Pipeline, numbered: dict[int, History]) -> None:
    """Twins are equal in everything, every message is accounted for, and all sums agree with their events."""
    for what, query in NET.items():
        net = by_tenant(platform, query)
        assert net, f"no history has any {what}"
        for number, history in numbered.items():
            left, right = (net[name_of(number, twin)] for twin in TWINS)
            assert left == right, f"{what} of history {number}, METERLINE_SEED={SEED}: {history}"
    delivered = sum(len(history.arrivals) for history in numbered.values()) * len(TWINS)
    balance = "sum(stored_count + duplicate_count + quarantined_count + late_not_billed_count)::bigint"
    accounted = f"select sum(message_count)::bigint, {balance} from governance.load_balance"
    assert platform.rows(accounted) == [(delivered, delivered)]
    assert platform.prove() == {}
    platform.audit()


def by_tenant(platform: Pipeline, query: str) -> dict[str, list[str]]:
    """Rows of a query by their first column, sorted."""
    net: dict[str, list[str]] = defaultdict(list)
    for tenant, *row in platform.rows(query):
        net[tenant].append(" ".join(map(str, row)))
    return defaultdict(list, {tenant: sorted(rows) for tenant, rows in net.items()})
