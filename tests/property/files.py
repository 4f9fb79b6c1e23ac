"""Messages as landing files of every format that the platform reads."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support import Message, json_lines

# Which member of a CloudEvent's envelope stands for which field (RULES 25); the others stay in its data.
ENVELOPE = {"subject": "device_id", "time": "device_ts", "type": "metric", "tenantid": "tenant_id"}


def as_csv(rows: Sequence[Message]) -> bytes:
    """With a header; what a row does not say is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows: Sequence[Message]) -> bytes:
    """Numbers as integers, the rest as text; what a row does not say is null."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: [row.get(name) for row in rows] for name in names})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def as_cloud_events(rows: Sequence[Message]) -> bytes:
    """CloudEvents 1.0, one a line."""
    return json_lines(
        {
            "specversion": "1.0",
            "id": str(number),
            "source": "tests",
            **{member: row[field] for member, field in ENVELOPE.items()},
            "data": {name: value for name, value in row.items() if name not in ENVELOPE.values()},
        }
        for number, row in enumerate(rows)
    )


WRITERS: dict[str, Callable[[Sequence[Message]], bytes]] = {
    "jsonl": json_lines,
    "jsonl.gz": lambda rows: gzip.compress(json_lines(rows), mtime=0),
    "csv": as_csv,
    "csv.gz": lambda rows: gzip.compress(as_csv(rows), mtime=0),
    "parquet": as_parquet,
    "events.jsonl": as_cloud_events,
}
