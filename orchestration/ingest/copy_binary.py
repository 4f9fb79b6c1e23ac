"""PostgreSQL's binary COPY format from numpy columns, without a Python step per row.

Every row of raw.messages has the same width, so a chunk is one structured array in network byte order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

CHUNK_ROWS = 32_768
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

# Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's timestamps begin.
EPOCH_OFFSET_US = 946_684_800_000_000
# PostgreSQL's -infinity as a timestamp.
MINUS_INFINITY = np.iinfo(np.int64).min

# Columns of raw.messages with their binary widths, in the order of the table; quantity comes last.
COLUMNS = {
    "msg_seq": ">i8",
    "seq_epoch": ">i8",
    "device_ts": ">i8",
    "sent_ts": ">i8",
    "received_at": ">i8",
    "session_key": ">i8",
    "load_id": ">i4",
    "row_number": ">i4",
    "tenant_no": ">i4",
    "device_no": ">i4",
    "traits_no": ">i4",
    "metric_no": ">i2",
}
QUANTITY_PARTS = ("quantity_is_negative", "quantity_integer", "quantity_fraction")

# numeric on the wire: count of base-10000 digits, weight of the first, sign, display scale, digits. Six digits with
# two zeros' room at the front and two at the back hold numeric(20,10); the server strips zeros at both ends.
_NUMERIC_DIGITS, _NUMERIC_WEIGHT, _NUMERIC_SCALE, _NUMERIC_NEGATIVE = 6, 2, 10, 0x4000
_NUMERIC = np.dtype(
    [("count", ">i2"), ("weight", ">i2"), ("sign", ">u2"), ("scale", ">i2"), ("digits", ">i2", (_NUMERIC_DIGITS,))]
)
_RECORD = np.dtype(
    [("field_count", ">i2")]
    + [part for name, width in COLUMNS.items() for part in ((f"{name}_length", ">i4"), (name, width))]
    + [("quantity_length", ">i4"), ("quantity", _NUMERIC)]
)

Columns = Mapping[str, npt.NDArray[Any]]


def encode(columns: Columns, load_id: int) -> Iterator[bytes]:
    """A complete COPY stream of rows of raw.messages, in chunks.

    `columns` are equally long and named as COLUMNS without load_id, and QUANTITY_PARTS: the sign, the integer part
    (at most 10 digits) and ten digits of fraction, as int64. Timestamps are microseconds since 2000-01-01 UTC.
    """
    yield HEADER
    row_count = len(columns["row_number"])
    for start in range(0, row_count, CHUNK_ROWS):
        rows = slice(start, min(start + CHUNK_ROWS, row_count))
        yield _records({name: values[rows] for name, values in columns.items()}, load_id).tobytes()
    yield TRAILER


def _records(columns: Columns, load_id: int) -> npt.NDArray[Any]:
    records = np.empty(len(columns["row_number"]), _RECORD)
    records["field_count"] = len(COLUMNS) + 1
    for name, width in COLUMNS.items():
        records[f"{name}_length"] = np.dtype(width).itemsize
        records[name] = load_id if name == "load_id" else columns[name]
    records["quantity_length"] = _NUMERIC.itemsize
    _fill_numeric(records["quantity"], *(columns[name] for name in QUANTITY_PARTS))
    return records


def _fill_numeric(
    target: npt.NDArray[Any],
    is_negative: npt.NDArray[np.bool_],
    integer: npt.NDArray[np.int64],
    fraction: npt.NDArray[np.int64],
) -> None:
    """Write numeric(20,10) values: ten digits before the point as 2+4+4, ten behind it as 4+4+2."""
    target["count"], target["weight"], target["scale"] = _NUMERIC_DIGITS, _NUMERIC_WEIGHT, _NUMERIC_SCALE
    target["sign"] = np.where(is_negative, _NUMERIC_NEGATIVE, 0)
    digits = target["digits"]
    high, low = np.divmod(integer, 10_000)
    digits[:, 0], digits[:, 1] = np.divmod(high, 10_000)
    digits[:, 2] = low
    high, low = np.divmod(fraction, 100)
    digits[:, 3], digits[:, 4] = np.divmod(high, 10_000)
    digits[:, 5] = low * 100
