"""What an event costs in the archive: the benchmark's month is closed, archived, and its files are weighed."""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.database.connection import connect
from tests.benchmarks.contenders import VoidBenchmarkError
from tests.benchmarks.measure import Cost
from tests.benchmarks.sandbox import Sandbox

MONTH, AS_OF = "2019-06", "2019-07-05"
WEIGHED = "select kind, sum(row_count)::bigint, sum(byte_count)::bigint from ledger.archived_files group by kind"
STORED = "select count(*) from store.events"
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
    """Close and archive the month that was processed. Raises VoidBenchmarkError unless every event is in a file."""
    sandbox.meterline("close", "--period", MONTH, "--as-of", AS_OF)
    stored = _one(sandbox, STORED)
    cost = sandbox.meterline("retention", "archive", "--month", MONTH, "--by", "bench", "--reason", "to weigh it")
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
