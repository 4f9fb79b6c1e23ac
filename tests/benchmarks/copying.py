"""Raw COPY: the files' columns into a table without a key, as text, and nothing else. What no loader goes below by far.

Run as `python -m tests.benchmarks.copying URL SAMPLE FILE...`; prints the job's seconds as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from io import BytesIO

import psycopg
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from tests.benchmarks.duckdb_job import cpu_seconds

COLUMNS = {
    "tenant_id": "text",
    "device_id": "text",
    "metric": "text",
    "seq_epoch": "bigint",
    "msg_seq": "bigint",
    "quantity": "numeric(20, 10)",
    "device_ts": "timestamptz",
    "sent_ts": "timestamptz",
    "received_at": "timestamptz",
    "session_id": "text",
}
TABLE = f"create table copied ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})"
COPY = f"copy copied ({', '.join(COLUMNS)}) from stdin (format csv)"


def load(url: str, files: Sequence[str]) -> dict[str, float]:
    """Copy the files; wall and CPU seconds of this process and how many rows there were."""
    messages = 0
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(TABLE)
        before, started = cpu_seconds(), time.perf_counter()
        for path in files:
            table = pq.read_table(path, columns=list(COLUMNS)).select(list(COLUMNS))
            text = BytesIO()
            arrow_csv.write_csv(table, text, arrow_csv.WriteOptions(include_header=False))
            with session.cursor().copy(COPY.encode()) as copy:
                copy.write(text.getbuffer())
            messages += table.num_rows
        wall, cpu = time.perf_counter() - started, cpu_seconds() - before
    return {"wall": wall, "cpu": cpu, "messages": messages}


if __name__ == "__main__":
    # As the other consumers it is told the size of a sample; it takes all.
    print(json.dumps(load(sys.argv[1], sys.argv[3:])))
