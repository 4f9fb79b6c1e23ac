"""The naive consumer: one INSERT per message under a unique key, its hour and day upserted, a commit for each.

Run as `python -m tests.benchmarks.one_by_one URL SAMPLE FILE...`; prints the job's seconds as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.day import local_days
from tests.benchmarks.duckdb_job import cpu_seconds

TABLES = """
create table events (
    tenant_id text not null, device_id text not null, metric text not null, seq_epoch bigint not null,
    msg_seq bigint not null, quantity numeric(20, 10) not null, device_ts timestamptz not null,
    sent_ts timestamptz, received_at timestamptz not null, session_id text,
    primary key (tenant_id, device_id, metric, seq_epoch, msg_seq)
);
create table usage_hours (
    tenant_id text not null, device_id text not null, metric text not null, bucket_start_at timestamptz not null,
    quantity numeric(30, 10) not null, event_count integer not null,
    primary key (tenant_id, device_id, metric, bucket_start_at)
);
create table usage_days (like usage_hours including all);
"""
INSERT = """
insert into events values (
    %(tenant_id)s, %(device_id)s, %(metric)s, %(seq_epoch)s, %(msg_seq)s, %(quantity)s, %(device_ts)s, %(sent_ts)s,
    %(received_at)s, %(session_id)s
) on conflict do nothing
"""
ADD = """
insert into {table} as kept values (%(tenant_id)s, %(device_id)s, %(metric)s, %(bucket)s, %(quantity)s, 1)
on conflict (tenant_id, device_id, metric, bucket_start_at) do update set
    quantity = kept.quantity + excluded.quantity, event_count = kept.event_count + 1
"""
ADD_HOUR, ADD_DAY = ADD.format(table="usage_hours"), ADD.format(table="usage_days")


def sampled(files: Sequence[str], sample: int) -> Iterator[dict[str, Any]]:
    """Every n-th message in the order of receipt, so that devices and hours come as widely spread as in the day."""
    table = pa.concat_tables(pq.read_table(path) for path in files).sort_by("received_at")
    step = max(1, table.num_rows // sample)
    yield from table.take(list(range(0, table.num_rows, step))[:sample]).to_pylist()


DAY_STARTS = [day.day_start_at for day in local_days()]


def buckets(row: dict[str, Any]) -> tuple[dict[str, Any], datetime, datetime]:
    """The row, the hour and the local day in which it was measured."""
    hour = row["device_ts"].replace(minute=0, second=0, microsecond=0)
    return row, hour, max(start for start in DAY_STARTS if start <= row["device_ts"])


def consume(url: str, rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Insert the rows one at a time; wall and CPU seconds of this process and how many were no duplicates."""
    stored = 0
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(TABLES)
        before, started = cpu_seconds(), time.perf_counter()
        for row, hour, day in map(buckets, rows):
            with session.transaction():
                if session.execute(INSERT, row).rowcount:
                    stored += 1
                    session.execute(ADD_HOUR, row | {"bucket": hour})
                    session.execute(ADD_DAY, row | {"bucket": day})
        wall, cpu = time.perf_counter() - started, cpu_seconds() - before
    return {"wall": wall, "cpu": cpu, "messages": len(rows), "stored": stored}


if __name__ == "__main__":
    print(json.dumps(consume(sys.argv[1], list(sampled(sys.argv[3:], int(sys.argv[2])))), default=str))
