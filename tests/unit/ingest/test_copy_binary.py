"""Rows of raw.messages on the wire, read back here by the format's documentation."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from orchestration.ingest import copy_binary

QUANTITIES = st.decimals(
    min_value=Decimal("-9999999999.9999999999"), max_value=Decimal("9999999999.9999999999"), places=10
)
INTEGERS = st.integers(-(2**63), 2**63 - 1)


def columns_of(quantities: list[Decimal], stamps: list[int]) -> dict[str, Any]:
    """Columns for `encode`: every other field says which one it is."""
    count = len(quantities)
    scaled = [int(abs(quantity).scaleb(10)) for quantity in quantities]
    columns = {
        name: np.full(count, place, np.dtype(width).newbyteorder("="))
        for place, (name, width) in enumerate(copy_binary.COLUMNS.items())
        if name != "load_id"
    }
    columns["device_ts"] = np.array(stamps, np.int64)
    columns["quantity_is_negative"] = np.array([quantity < 0 for quantity in quantities], bool)
    columns["quantity_integer"] = np.array([value // 10**10 for value in scaled], np.int64)
    columns["quantity_fraction"] = np.array([value % 10**10 for value in scaled], np.int64)
    return columns


def decode(stream: bytes) -> list[list[bytes]]:
    """Fields of a binary COPY stream."""
    assert stream[:11] == b"PGCOPY\n\xff\r\n\0"
    position, rows = 19, []
    while (count := struct.unpack_from(">h", stream, position)[0]) >= 0:
        position += 2
        row = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", stream, position)
            row.append(stream[position + 4 : position + 4 + length])
            position += 4 + length
        rows.append(row)
    assert stream[position:] == b"\xff\xff"
    return rows


def numeric_of(field: bytes) -> Decimal:
    """Value of a numeric field: base-10000 digits, the first of the given weight."""
    count, weight, sign, scale = struct.unpack_from(">hhHh", field)
    assert scale == 10
    digits = struct.unpack_from(f">{count}h", field, 8)
    assert all(0 <= digit < 10_000 for digit in digits)
    value = sum(
        (Decimal(digit) * Decimal(10_000) ** (weight - place) for place, digit in enumerate(digits)), Decimal(0)
    )
    return -value if sign else value


@given(st.lists(st.tuples(QUANTITIES, INTEGERS), max_size=5))
def test_every_value_is_on_the_wire_as_it_was(values: list[tuple[Decimal, int]]) -> None:
    quantities, stamps = [value[0] for value in values], [value[1] for value in values]
    rows = decode(b"".join(copy_binary.encode(columns_of(quantities, stamps), load_id=2**31 - 1)))
    names = list(copy_binary.COLUMNS)
    assert [numeric_of(row[-1]) for row in rows] == quantities
    assert [struct.unpack(">q", row[names.index("device_ts")])[0] for row in rows] == stamps
    for row in rows:
        assert struct.unpack(">i", row[names.index("load_id")])[0] == 2**31 - 1
        assert struct.unpack(">h", row[names.index("metric_no")])[0] == names.index("metric_no")


def test_chunks_join_to_one_stream() -> None:
    count = copy_binary.CHUNK_ROWS * 2 + 1
    columns = columns_of([Decimal("1.5")] * count, list(range(count)))
    chunks = list(copy_binary.encode(columns, load_id=1))
    assert len(chunks) == 5, "header, three chunks, trailer"
    rows = decode(b"".join(chunks))
    assert [struct.unpack(">q", row[2])[0] for row in rows] == list(range(count))
