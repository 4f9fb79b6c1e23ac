"""What an event costs in the archive: the benchmark's closed month is archived, and its files are weighed."""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.database.connection import connect
from tests.benchmarks.contenders import VoidBenchmarkError
from tests.benchmarks.day import DAY
from tests.benchmarks.measure import Cost
from tests.benchmarks.sandbox import Sandbox

WEIGHED = "select kind, sum(row_count)::bigint, sum(byte_count)::bigint from ledger.archived_files group by kind"
STORED = f"select count(*) from store.events where device_ts >= '{DAY:%Y-%m}-01 00:00:00+00'"
MINUTES = "select pg_total_relation_size('store.usage_minutes')"


@dataclass(frozen=True)
class Archived:
    """What archiving cost, how many events left, and the bytes of their files and of the minutes that stay."""

    cost: Cost
    events: int
    event_bytes: int
    minute_bytes: int
    kept_minute_bytes: int


def measure(sandbox: Sandbox) -> Archived:
    """Archive the month that was processed and closed. Raises VoidBenchmarkError unless every event is in a file."""
    stored, month = _one(sandbox, STORED), f"{DAY:%Y-%m}"
    cost = sandbox.meterline("retention", "archive", "--month", month, "--by", "bench", "--reason", "to weigh it")
    with connect(sandbox.settings) as session:
        rows = session.execute(WEIGHED).fetchall()
    weighed = {kind: (count, weight) for kind, count, weight in rows}
    if (weighed["events"][0], _one(sandbox, STORED)) != (stored, 0):
        raise VoidBenchmarkError(f"{stored} events were stored, but {weighed['events'][0]} are archived")
    return Archived(cost, stored, weighed["events"][1], weighed["minutes"][1], _one(sandbox, MINUTES))


def _one(sandbox: Sandbox, query: str) -> int:
    with connect(sandbox.settings) as session:
        row = session.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])
