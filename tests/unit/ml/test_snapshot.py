"""Snapshots are named by the digest of their rows, whatever the order, and are not read when they were changed."""

import hashlib

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from ml import snapshot
from ml.errors import EvidenceError

ROWS = pd.DataFrame(
    [
        ["acme", "m-2", "energy", None, "2019-02-01", "acme:2019-02-01", "2019-02-01", "2019-03-01", "1.5", 24,
         "2019-02-01T00:00:00.000000Z", "2019-02-01T23:00:00.000000Z"],
        ["acme", "m-1", "energy", "kind", "2019-02-01", "acme:2019-02-01", "2019-02-01", "2019-03-01", "0", 1,
         "2019-02-01T07:00:00.000000Z", "2019-02-01T07:00:00.000000Z"],
    ],
    columns=snapshot.COLUMNS,
)  # fmt: skip
# What anybody can compute with another tool: one JSON array a line, sorted, joined by line feeds.
LINES = (
    '["acme","m-1","energy","kind","2019-02-01","acme:2019-02-01","2019-02-01","2019-03-01","0",1,'
    '"2019-02-01T07:00:00.000000Z","2019-02-01T07:00:00.000000Z"]\n'
    '["acme","m-2","energy",null,"2019-02-01","acme:2019-02-01","2019-02-01","2019-03-01","1.5",24,'
    '"2019-02-01T00:00:00.000000Z","2019-02-01T23:00:00.000000Z"]'
)


def test_the_digest_is_that_of_the_rows_as_sorted_json_lines():
    assert snapshot.digest(ROWS) == hashlib.sha256(LINES.encode()).hexdigest()


@given(st.permutations(range(20)))
def test_the_order_of_rows_does_not_matter(order):
    rows = pd.concat([ROWS.assign(local_date=f"2019-02-{day:02}") for day in range(1, 11)], ignore_index=True)
    assert snapshot.digest(rows.iloc[order]) == snapshot.digest(rows)


@pytest.mark.parametrize(("column", "value"), [("quantity", "1.50"), ("event_count", 23), ("device_type", "kind")])
def test_any_change_of_a_row_changes_the_digest(column, value):
    changed = ROWS.copy()
    changed.loc[0, column] = value
    assert snapshot.digest(changed) != snapshot.digest(ROWS)


def test_what_is_written_is_read_back_with_its_digest(tmp_path):
    sha256 = snapshot.write(ROWS, UPath(tmp_path))
    read = snapshot.read(UPath(tmp_path), sha256)
    assert snapshot.digest(read) == sha256
    assert list(read["quantity"]) == ["1.5", "0"]


def test_changed_or_missing_rows_are_refused(tmp_path):
    sha256 = snapshot.write(ROWS, UPath(tmp_path))
    ROWS.assign(quantity="7").to_parquet(tmp_path / f"{sha256}.parquet")
    with pytest.raises(EvidenceError, match="it was changed"):
        snapshot.read(UPath(tmp_path), sha256)
    (tmp_path / f"{sha256}.parquet").write_bytes(b"not parquet")
    with pytest.raises(EvidenceError, match="cannot be read"):
        snapshot.read(UPath(tmp_path), sha256)
    with pytest.raises(EvidenceError, match="cannot be read"):
        snapshot.read(UPath(tmp_path), "0" * 64)
