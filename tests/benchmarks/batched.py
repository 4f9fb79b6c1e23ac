"""The consumer with some care: a thousand messages a transaction by executemany, what is new added to hours and days.

Run as `python -m tests.benchmarks.batched URL SAMPLE FILE...`; prints the job's seconds as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import psycopg

from tests.benchmarks.duckdb_job import cpu_seconds
from tests.benchmarks.one_by_one import ADD_DAY, ADD_HOUR, INSERT, TABLES, buckets, sampled

BATCH = 1_000


def consume(url: str, rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Insert the rows a thousand at a time; wall and CPU seconds of this process and how many were no duplicates."""
    stored = 0
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(TABLES)
        before, started = cpu_seconds(), time.perf_counter()
        for first in range(0, len(rows), BATCH):
            batch = rows[first : first + BATCH]
            with session.transaction(), session.cursor() as cursor:
                new = [buckets(row) for row in _inserted(cursor, batch)]
                cursor.executemany(ADD_HOUR, [row | {"bucket": hour} for row, hour, _ in new])
                cursor.executemany(ADD_DAY, [row | {"bucket": day} for row, _, day in new])
                stored += len(new)
        wall, cpu = time.perf_counter() - started, cpu_seconds() - before
    return {"wall": wall, "cpu": cpu, "messages": len(rows), "stored": stored}


def _inserted(cursor: psycopg.Cursor, batch: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a batch that were no duplicates."""
    cursor.executemany(INSERT, batch, returning=True)
    new = []
    for row in batch:
        if cursor.rowcount:
            new.append(row)
        cursor.nextset()
    return new


if __name__ == "__main__":
    print(json.dumps(consume(sys.argv[1], list(sampled(sys.argv[3:], int(sys.argv[2]))))))
