"""Rows of landing files and their bytes in each format. Quantities are exact decimals all the way."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

TIMESTAMP = pa.timestamp("us", tz="UTC")
EXACT_QUANTITY = pa.decimal128(20, 10)
SCHEMA = pa.schema(
    [
        ("tenant_id", pa.string()),
        ("device_id", pa.string()),
        ("metric", pa.string()),
        ("msg_seq", pa.int64()),
        ("seq_epoch", pa.int64()),
        ("quantity", EXACT_QUANTITY),
        ("device_ts", TIMESTAMP),
        ("sent_ts", TIMESTAMP),
        ("received_at", TIMESTAMP),
        ("session_id", pa.string()),
        ("unit", pa.string()),
    ]
)


class Message(NamedTuple):
    """One delivery as the broker hands it over; fields as in the landing files, instants in UTC."""

    tenant_id: str
    device_id: str
    metric: str
    msg_seq: int
    seq_epoch: int
    quantity: Decimal
    device_ts: datetime
    sent_ts: datetime | None
    received_at: datetime
    session_id: str
    unit: str


class BrokenRow(NamedTuple):
    """A row that no typed column could hold: a message with some texts replaced (empty: left out), or cut half-way."""

    message: Message
    replaced: Mapping[str, str]
    is_cut: bool = False

    @property
    def received_at(self) -> datetime:
        """When the broker got it, also where the row itself does not say so."""
        return self.message.received_at


Row = Message | BrokenRow


def parquet_bytes(messages: Sequence[Message], quantity_type: Any = EXACT_QUANTITY) -> bytes:
    """A Parquet file; quantities as decimals, or as text where `quantity_type` is a string type."""
    names = _said_fields(messages)
    columns = dict(zip(Message._fields, zip(*messages, strict=True), strict=True))
    if quantity_type != EXACT_QUANTITY:
        columns["quantity"] = tuple(map(str, columns["quantity"]))
    types = {**{name: SCHEMA.field(name).type for name in names}, "quantity": quantity_type}
    return table_bytes(pa.table({name: pa.array(columns[name], types[name]) for name in names}))


def table_bytes(table: Any) -> bytes:
    """The table as a Parquet file; equal tables give equal bytes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", version="2.6")
    return buffer.getvalue()


def json_lines_bytes(rows: Sequence[Row], is_quantity_number: bool) -> bytes:
    """JSON lines; a message's quantity as a JSON number with its own digits, or as text."""
    names = _said_fields(rows)
    return "".join(_json_line(row, names, is_quantity_number) + "\n" for row in rows).encode()


def csv_bytes(rows: Sequence[Row]) -> bytes:
    """CSV with a header."""
    names = _said_fields(rows)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(names)
    for row in rows:
        texts = _texts(row)
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([texts.get(name, "") for name in names])
        buffer.write(_cut(line.getvalue().rstrip("\n")) + "\n" if _is_cut(row) else line.getvalue())
    return buffer.getvalue().encode()


def gzip_bytes(content: bytes) -> bytes:
    """Compressed without the time of day, so that equal content gives equal bytes."""
    return gzip.compress(content, compresslevel=6, mtime=0)


def _said_fields(rows: Sequence[Row]) -> list[str]:
    """The fields of a file, without those that say nothing in any row: an epoch that is always 0, no sent_ts."""
    messages = [row.message if isinstance(row, BrokenRow) else row for row in rows]
    silent = {
        "seq_epoch": not any(message.seq_epoch for message in messages),
        "sent_ts": all(message.sent_ts is None for message in messages),
    }
    return [name for name in Message._fields if not silent.get(name, False)]


def _texts(row: Row) -> dict[str, str]:
    message = row.message if isinstance(row, BrokenRow) else row
    texts = {name: _text(value) for name, value in zip(Message._fields, message, strict=True) if value is not None}
    if isinstance(row, BrokenRow):
        texts.update(row.replaced)
    return {name: text for name, text in texts.items() if text}


def _text(value: str | int | Decimal | datetime) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return str(value)


def _json_line(row: Row, names: Sequence[str], is_quantity_number: bool) -> str:
    texts = _texts(row)
    if isinstance(row, BrokenRow):
        line = json.dumps({name: texts[name] for name in names if name in texts})
        return _cut(line) if row.is_cut else line
    fields: dict[str, str | int] = {name: texts[name] for name in names if name in texts}
    fields.update({name: getattr(row, name) for name in ("msg_seq", "seq_epoch") if name in names})
    if not is_quantity_number:
        return json.dumps(fields)
    # Python's encoder knows no decimals, and a float would lose digits: the number is written as it is.
    del fields["quantity"]
    return f'{json.dumps(fields)[:-1]}, "quantity": {texts["quantity"]}}}'


def _is_cut(row: Row) -> bool:
    return isinstance(row, BrokenRow) and row.is_cut


def _cut(line: str) -> str:
    return line[: len(line) // 2]
