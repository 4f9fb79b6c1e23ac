"""The contenders on one day: each as a process of its own, each checked against what was generated."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb

from orchestration.errors import MeterlineError
from tests.benchmarks.day import DAY, local_days
from tests.benchmarks.measure import Cost, run
from tests.benchmarks.sandbox import INVOICED, USAGE, Sandbox, Size, child_environment

# CSV of the platform against the other's table, both ways: a bucket that only one side has, or has otherwise.
DIFFERENCES = """
with metered as (
    select column0 as tenant_id, column1 as device_id, column2 as metric, column3[:19]::timestamp as bucket_start_at,
        column4::decimal(38, 10) as quantity, column5::bigint as event_count
    from read_csv($exported, header = false, all_varchar = true)
    where column3[:19]::timestamp >= $since
),

expected as (
    select tenant_id, device_id, metric, bucket_start_at, quantity::decimal(38, 10) as quantity, event_count
    from {table}
)

select
    (select count(*) from (from metered except all from expected)),
    (select count(*) from (from expected except all from metered)),
    (select count(*) from expected)
"""


INVOICES = """
select count(*) filter (where metered.subtotal_amount is distinct from expected.subtotal_amount), count(*)
from (
    select column0 as tenant_id, column1::decimal(38, 2) as subtotal_amount
    from read_csv($exported, header = false, all_varchar = true)
) as metered
full join (select tenant_id, subtotal_amount::decimal(38, 2) as subtotal_amount from invoices) as expected
    using (tenant_id)
"""


ACCOUNTED = """
select
    (select count(*) from events),
    (select count(*) from repeats where not is_conflict),
    (select count(*) from quarantine) + (select count(*) from repeats where is_conflict)
"""


class VoidBenchmarkError(MeterlineError):
    """The contenders did not compute the same, so that nothing they measured can be compared."""


@dataclass(frozen=True)
class PlatformRun:
    """The platform's day: what it cost, and the bytes that it left by family of tables."""

    cost: Cost
    sizes: dict[str, Size]
    wal_bytes: int


@dataclass(frozen=True)
class DuckdbRun:
    """DuckDB's day: what the job cost up to hours and days, what rating them cost, seconds of each stage."""

    cost: Cost
    rating: Cost
    stages: dict[str, float]


def platform(sandbox: Sandbox, *days: str) -> PlatformRun:
    """Process the files, or those of one day, from the kept state.

    Raises VoidBenchmarkError when a message is missing or doubled.
    """
    sandbox.restore_state()
    before, wal = sandbox.balance(), sandbox.wal_position()
    cost = sandbox.meterline("process", *(word for day in days for word in ("--from", day, "--to", day)))
    refuse_missing(sandbox, before, sandbox.day.readings, sandbox.day.duplicates)
    return PlatformRun(cost, sandbox.sizes(), sandbox.wal_position() - wal)


def refuse_missing(sandbox: Sandbox, before: Mapping[str, int], readings: int, duplicates: int) -> None:
    """Account for everything that came since the balance was `before`.

    Raises VoidBenchmarkError when a message is missing or doubled.
    """
    after = sandbox.balance()
    expected = {
        "messages": readings + duplicates,
        "stored": readings,
        "duplicates": duplicates,
        "quarantined": 0,
        "late": 0,
    }
    found = {name: after[name] - before[name] for name in expected}
    if found != expected:
        raise VoidBenchmarkError(f"generated {expected} but the platform has {found}")


def with_duckdb(sandbox: Sandbox, threads: int, database: Path) -> DuckdbRun:
    """DuckDB's day in a new file at `database`."""
    database.unlink(missing_ok=True)
    files = [str(path) for path in sandbox.day.files]
    log = database.with_suffix(".json")
    module = [sys.executable, "-m", "tests.benchmarks.duckdb_job"]
    whole = run([*module, str(database), str(threads), str(sandbox.day.config), *files], child_environment(), log)
    stages = json.loads(log.read_text().splitlines()[-1])
    events, usage, rating = (Cost(**stages[name]) for name in ("events", "usage", "rating"))
    cost = Cost(events.wall + usage.wall, events.cpu + usage.cpu, 0.0, whole.peak_bytes)
    return DuckdbRun(cost, rating, {name: stage["wall"] for name, stage in stages.items()})


def close(sandbox: Sandbox, database: Path) -> tuple[Cost, int]:
    """Close the day's month: its cost, and how many invoices DuckDB has alike.

    Raises VoidBenchmarkError when one differs.
    """
    due = local_days()[1].boundary_at.date() + timedelta(days=1)
    cost = sandbox.meterline("close", "--period", f"{DAY:%Y-%m}", "--as-of", str(due))
    exported = sandbox.export(INVOICED, sandbox.home / "invoices.csv")
    with duckdb.connect(str(database), read_only=True) as session:
        found = session.execute(INVOICES, {"exported": str(exported)}).fetchone()
    if found is None or found[0]:
        raise VoidBenchmarkError(f"invoices that differ from DuckDB's, and all: {found}")
    return cost, found[1]


def consumer(sandbox: Sandbox, module: str, sample: int) -> tuple[Cost, int]:
    """A consumer of this folder on a sample, in an empty database; its cost and how many messages it took."""
    files = [str(path) for path in sandbox.day.files]
    log = sandbox.home / f"{module}.json"
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", sandbox.new_database(module), str(sample), *files]
    whole = run(command, child_environment(), log, sandbox.server)
    job = json.loads(log.read_text().splitlines()[-1])
    return Cost(job["wall"], job["cpu"], whole.server_cpu, whole.peak_bytes, whole.server_peak_bytes), job["messages"]


def compare(sandbox: Sandbox, database: Path) -> int:
    """How many hours and days agree to the last digit. Raises VoidBenchmarkError when one does not."""
    agreed = 0
    with duckdb.connect(str(database), read_only=True) as session:
        found = session.execute(ACCOUNTED).fetchone()
        if found != (sandbox.day.readings, sandbox.day.duplicates, 0):
            raise VoidBenchmarkError(
                f"DuckDB has {found} events, duplicates and refused messages of {sandbox.day.readings} readings and "
                f"{sandbox.day.duplicates} duplicates"
            )
        for table, published in (("hours", "finance.usage_hourly"), ("days", "finance.usage_daily")):
            first = session.execute(f"select min(bucket_start_at) from {table}").fetchone()
            assert first is not None
            exported = sandbox.export(USAGE.format(published), sandbox.home / f"{table}.csv")
            query = DIFFERENCES.format(table=table)
            found = session.execute(query, {"exported": str(exported), "since": first[0]}).fetchone()
            assert found is not None
            if found[0] or found[1]:
                raise VoidBenchmarkError(
                    f"{published}: {found[0]} of its buckets differ from DuckDB's, {found[1]} the other way"
                )
            agreed += found[2]
    return agreed
