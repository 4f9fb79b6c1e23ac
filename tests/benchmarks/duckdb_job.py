"""DuckDB doing the day's job on the same files: identity, clock, period, lateness, hours and days, in its own file.

Its rules are written again on purpose: they are the oracle that the platform's hours and days are compared with. It
has less to do than the platform: no row is judged for quarantine, no key is enforced, nothing stored before is looked
up, no raw copy, ledger or gate is kept. The ratio compares the same answers, not the same guarantees.
Run as `python -m tests.benchmarks.duckdb_job DATABASE THREADS FILE...`; prints the job's seconds as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import astuple
from pathlib import Path

import duckdb

from tests.benchmarks.day import local_days

MAX_CLOCK_SKEW_SECONDS = 300

# Instants are timestamps without zone, in UTC: those with one need an extension that is not in the wheel.
JOB = """
create table events as
with messages as (
    select * replace (
        make_timestamp(epoch_us(device_ts)) as device_ts,
        make_timestamp(epoch_us(sent_ts)) as sent_ts,
        make_timestamp(epoch_us(received_at)) as received_at
    )
    from read_parquet($files, filename = true, file_row_number = true)
),

arrivals as (
    select
        *,
        received_at::date as received_day,
        coalesce(session_id, '') as session_key,
        row_number() over (
            partition by tenant_id, device_id, metric, seq_epoch, msg_seq
            order by received_at, filename, file_row_number
        ) as arrival_rank
    from messages
),

evidence as (
    select tenant_id, device_id, session_key, received_day, min(received_at - coalesce(sent_ts, device_ts)) as delay
    from arrivals
    where arrival_rank = 1
    group by all
),

offsets as (
    select asked.tenant_id, asked.device_id, asked.session_key, asked.received_day, min(seen.delay) as clock_offset
    from evidence as asked
    inner join evidence as seen
        on asked.tenant_id = seen.tenant_id
        and asked.device_id = seen.device_id
        and asked.session_key = seen.session_key
        and abs(asked.received_day - seen.received_day) <= 1
    group by all
),

dated as (
    select
        arrivals.*,
        case
            when abs(epoch(clock_offset)) <= $skew and device_ts <= received_at + to_seconds($skew) then device_ts
            else least(device_ts + clock_offset, received_at)
        end as event_at
    from arrivals
    inner join offsets using (tenant_id, device_id, session_key, received_day)
    where arrival_rank = 1
)

select
    dated.tenant_id, device_id, metric, seq_epoch, msg_seq, quantity, device_ts, received_at, event_at,
    period_start_at, day_start_at, received_at < boundary_at as is_billed
from dated
inner join local_days on event_at >= day_start_at and event_at < day_end_at;

create table hours as
select
    tenant_id, device_id, metric, period_start_at, date_trunc('hour', event_at) as bucket_start_at,
    sum(quantity) as quantity, count(*) as event_count
from events
where is_billed
group by all;

create table days as
select
    tenant_id, device_id, metric, period_start_at, day_start_at as bucket_start_at,
    sum(quantity) as quantity, count(*) as event_count
from events
where is_billed
group by all;

checkpoint;
"""


def run_job(database: Path, threads: int, files: list[str]) -> dict[str, float]:
    """Process the files into a new database; wall and CPU seconds of the job alone, without imports."""
    before, started = cpu_seconds(), time.perf_counter()
    with duckdb.connect(str(database), config={"threads": threads}) as session:
        session.execute(
            "create temp table local_days (day_start_at timestamp, day_end_at timestamp, "
            "period_start_at timestamp, boundary_at timestamp)"
        )
        for day in local_days():
            session.execute(
                "insert into local_days values (?, ?, ?, ?)",
                [moment.replace(tzinfo=None) for moment in astuple(day)],
            )
        first, *others = [statement for statement in JOB.split(";") if statement.strip()]
        session.execute(first, {"files": files, "skew": MAX_CLOCK_SKEW_SECONDS})
        for statement in others:
            session.execute(statement)
    wall, cpu = time.perf_counter() - started, cpu_seconds() - before
    return {"wall": wall, "cpu": cpu}


def cpu_seconds() -> float:
    """CPU seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    print(json.dumps(run_job(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])))
