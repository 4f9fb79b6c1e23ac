"""Garbage in every format: no load crashes, nothing is stored that its file does not say, all has a reason."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import resource
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.ingest import readers
from tests.support import Message, Pipeline, message

DAY = "2019-02-10"
FORMATS = ("jsonl", "jsonl.gz", "csv", "csv.gz", "parquet")
# What the process may grow by while it reads it all, beyond what it had before.
MEMORY_LIMIT_MB = 600
# A flipped bit that leaves a stamp of 2039 is evidence about its device's clock (RULES 3), and takes the other messages
# of the day that have no session with it. So that this is a few of them, there are many devices.
FILES_A_DEVICE = 20
VALUES: tuple[Any, ...] = (
    None, True, [], {}, [[]], "", " ", "\0", "NaN", "-Infinity", "1e999999999", 10**400, -1, 0.1, "0x10", "1_000",
    "'; drop table store.events; --", "$$); delete from raw.messages; --", "\\copy", "%s%n{0}",
    "\u202e1", "\ufeff", "٣", "é\u0301", "𝟙", "9" * 5000,
    "2019-02-30T00:00:00Z", "2019-02-10T08:00:00", "9999-12-31T23:59:59Z", "0000-00-00", "now",
    "infinity", "=1+1",
)  # fmt: skip
BALANCE = """
select
    sum(message_count)::bigint,
    sum(stored_count + duplicate_count + quarantined_count + late_not_billed_count)::bigint
from governance.load_balance
"""
EVENTS = """
select source_file, source_row, tenant_id, device_id, metric, msg_seq, quantity, device_ts, received_at
from finance.billing_events
"""


def rows_of(chance: random.Random, number: int) -> list[dict[str, Any]]:
    """Four messages of one file, of which at least one field of two holds something else."""
    rows: list[dict[str, Any]] = [
        message("acme", device(number), number * 4 + n, chance.randrange(1, 9), f"{DAY}T{chance.randrange(24):02}:00")
        for n in range(4)
    ]
    for row in chance.sample(rows, 2):
        row[chance.choice([*row, "session_id", "unit", "sent_ts", "seq_epoch", "attributes"])] = chance.choice(VALUES)
    return rows


def device(number: int) -> str:
    """The device whose messages a file has."""
    return f"m-{number // FILES_A_DEVICE}"


def written(rows: list[Message], kind: str) -> bytes:
    """The rows as a file of the format; Parquet columns are of text where their values do not agree in type."""
    if kind.startswith("jsonl"):
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    elif kind.startswith("csv"):
        text = io.StringIO()
        writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        content = text.getvalue().encode()
    else:
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: [None if row.get(name) is None else str(row[name]) for row in rows] for name in names}
        target = io.BytesIO()
        pq.write_table(pa.table(columns), target)
        return target.getvalue()
    return gzip.compress(content, mtime=0) if kind.endswith(".gz") else content


def damaged(chance: random.Random, content: bytes) -> bytes:
    """The bytes with flipped bits, cut short, with a piece twice, or as they are."""
    kind = chance.randrange(6)
    if kind == 0:
        return content[: chance.randrange(len(content))]
    if kind == 1:
        start = chance.randrange(len(content))
        return content[:start] + content[start // 2 :]
    if kind == 2:
        spoilt = bytearray(content)
        for _ in range(chance.randrange(1, 9)):
            spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
        return bytes(spoilt)
    return content


def monsters() -> dict[str, bytes]:
    """Files that are large or deep out of all proportion."""
    good = message("acme", "m-1", 10**9, 1, f"{DAY}T08:00")
    odd = io.BytesIO()
    nested = {
        "tenant_id": [{"a": [1]}],
        "quantity": [b"\xff"],
        "device_ts": [1.5],
        "msg_seq": [[1]],
        "received_at": [True],
    }
    pq.write_table(pa.table({name: pa.array(value) for name, value in nested.items()}), odd)
    return {
        "bomb.jsonl.gz": gzip.compress(b"\0" * (80 << 20)),
        "bomb-of-rows.csv.gz": gzip.compress(b"tenant_id,device_id\n" + b"acme,m-1\n" * (1 << 20)),
        "long.jsonl": json.dumps(good | {"unit": "x" * 10_000_000}).encode(),
        "long.csv": b"tenant_id,unit\nacme," + b"x" * 10_000_000 + b"\n",
        "long.parquet": written([good | {"unit": "x" * 10_000_000}], "parquet"),
        "deep.jsonl": b'{"attributes":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        "deep-list.jsonl": b"[" * 100_000 + b"]" * 100_000,
        "odd.parquet": odd.getvalue(),
    }


def said(path: str, content: bytes, row_number: int) -> dict[str, str]:
    """What a row of a file says, read with nothing of the platform's."""
    content = gzip.decompress(content) if path.endswith(".gz") else content
    if path.endswith(".parquet"):
        return {
            name: str(value) for name, value in pq.read_table(io.BytesIO(content)).to_pylist()[row_number - 1].items()
        }
    if ".jsonl" in path:
        lines = [line for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
        parsed = json.loads(lines[row_number - 1], parse_float=str, parse_int=str)
        return {name: str(value) for name, value in parsed.items()}
    text = content.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    return list(csv.DictReader(io.StringIO(text, newline="")))[row_number - 1]


def survive(pipeline: Pipeline, seed: int, count: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Process as many garbage files in one run; returns a line about what became of them."""
    monkeypatch.setattr(readers, "MAX_DECOMPRESSED_BYTES", 2 << 20)
    chance = random.Random(seed)
    pipeline.tenant("acme", *sorted({"m-1", *map(device, range(count))}))
    files = {pipeline.land_bytes(name, content, DAY): content for name, content in monsters().items()}
    for number in range(count):
        kind = chance.choice(FORMATS)
        content = damaged(chance, written(rows_of(chance, number), kind))
        files[pipeline.land_bytes(f"{number:05}.{kind}", content, DAY)] = content
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results = pipeline.process()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024

    assert {result.source_file for result in results} == set(files)
    assert {result.outcome for result in results} <= {"landed", "unreadable", "seen"}
    ((messages, outcomes),) = pipeline.rows(BALANCE)
    assert messages == outcomes
    assert pipeline.rows("select 1 from finance.quarantined_messages where reason = '' or detail = ''") == []
    assert pipeline.rows("select 1 from finance.quarantined_messages where length(raw) > 70000") == []
    events = pipeline.rows(EVENTS)
    for path, row_number, *stored in events:
        fields = said(path, files[path], row_number)
        names = ("tenant_id", "device_id", "metric")
        assert stored[:3] == [fields[name] for name in names], (path, row_number)
        assert stored[3:5] == [int(fields["msg_seq"]), Decimal(fields["quantity"])], (path, row_number)
        # RFC 3339 allows a small z, which a flipped bit makes of a large one; Python's reader does not.
        stamps = [datetime.fromisoformat(fields[name].upper()) for name in ("device_ts", "received_at")]
        assert stored[5:] == stamps, (path, row_number)
    unreadable = sum(result.outcome == "unreadable" for result in results)
    assert len(events) >= count
    assert unreadable >= 2
    assert grown < MEMORY_LIMIT_MB
    return (
        f"{len(files):,} files, {unreadable:,} unreadable, {messages:,} rows, {len(events):,} stored, "
        f"{dict(pipeline.refused())}; memory grew by {grown} MB"
    )


def test_hundreds_of_garbage_files(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    print(survive(pipeline, 2019, 300, monkeypatch))


@pytest.mark.heavy
@pytest.mark.timeout(3600)
def test_ten_thousand_garbage_files(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    print(survive(pipeline, 2020, 10_000, monkeypatch))
