"""The generated day, by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.errors import BadInputError
from tests.benchmarks.day import generate, generate_eve, interval_seconds, local_days
from tests.benchmarks.duckdb_job import run_job
from tests.benchmarks.one_by_one import sampled


def test_a_device_reads_so_often_that_the_day_has_the_events():
    # 40 readings in 86,400 seconds: one every 2,160.
    assert interval_seconds(2_000_000, 50_000) == 2_160
    assert interval_seconds(7, 7) == 86_400


@pytest.mark.parametrize(("events", "devices"), [(5, 10), (86_401, 1), (10, 0)])
def test_impossible_days_are_refused(events: int, devices: int):
    with pytest.raises(BadInputError, match=f"{events} events of {devices} devices"):
        interval_seconds(events, devices)


def test_local_days_follow_london_in_summer():
    days = local_days()
    # 12 June 2019 in London begins at 23:00 UTC of the 11th; June ends at 23:00 UTC of the 30th, 72 hours of grace.
    assert [day.day_start_at for day in days] == [datetime(2019, 6, day, 23, tzinfo=UTC) for day in (10, 11, 12)]
    assert all(day.day_end_at - day.day_start_at == timedelta(days=1) for day in days)
    assert {day.period_start_at for day in days} == {datetime(2019, 5, 31, 23, tzinfo=UTC)}
    assert {day.boundary_at for day in days} == {datetime(2019, 7, 3, 23, tzinfo=UTC)}


def test_the_day_is_several_files_with_repetitions_and_the_eve_is_none_of_it(tmp_path: Path):
    day = generate(tmp_path / "day", 4_000, 100)
    tables = [pq.read_table(path) for path in day.files]
    assert len(tables) == 4
    rows = [(row["device_id"], row["msg_seq"]) for table in tables for row in table.to_pylist()]
    assert (len(rows), len(set(rows))) == (day.messages, 4_000)
    assert day.duplicates > 0
    for ago in (1, 2):
        (file,) = generate_eve(tmp_path / f"eve-{ago}", day, ago).rglob("*.parquet")
        (row,) = pq.read_table(file).to_pylist()
        assert file.parent.name == f"date=2019-06-{12 - ago}"
        assert row["received_at"].date().isoformat() == f"2019-06-{12 - ago}"
        assert (row["device_id"], row["msg_seq"]) not in set(rows)


def test_a_sample_is_spread_over_the_day(tmp_path: Path):
    day = generate(tmp_path, 4_000, 100)
    rows = list(sampled([str(path) for path in day.files], 50))
    assert len(rows) == 50
    assert {row["received_at"].hour for row in rows} == set(range(24))


def test_duckdb_keeps_each_reading_once_in_its_hour(tmp_path: Path):
    day = generate(tmp_path / "day", 4_000, 100)
    run_job(tmp_path / "a.db", 1, day.config, [str(path) for path in day.files])
    with duckdb.connect(str(tmp_path / "a.db")) as session:
        events = session.execute("select count(*), sum(quantity) from events").fetchone()
        hours = session.execute("select sum(event_count), sum(quantity), max(event_count) from hours").fetchone()
    by_identity = {
        (row["device_id"], row["msg_seq"]): row["quantity"]
        for path in day.files
        for row in pq.read_table(path).to_pylist()
    }
    assert events == (4_000, sum(by_identity.values()))
    # One reading in 2,160 seconds: at most two in an hour.
    assert hours == (4_000, sum(by_identity.values()), 2)


def test_duckdb_refuses_and_doubts_what_the_platform_would(tmp_path: Path):
    day = generate(tmp_path / "day", 4_000, 100)
    table = pq.read_table(day.files[0])
    row = table.slice(0, 1).to_pylist()[0]
    new = row | {"msg_seq": 1_000_000}
    odd = [
        new | {"device_id": "dev-9"},
        new | {"tenant_id": "tenant-9"},
        new | {"metric": "water"},
        new | {"unit": "MWh"},
        new | {"quantity": Decimal(-1)},
        new | {"sent_ts": datetime(1969, 12, 31, tzinfo=UTC)},
        row | {"quantity": row["quantity"] + 1, "received_at": row["received_at"] + timedelta(seconds=1)},
    ]
    # After the others by its name, as by receipt.
    pq.write_table(pa.Table.from_pylist(odd, schema=table.schema), tmp_path / "zz.parquet")
    run_job(tmp_path / "a.db", 1, day.config, [*map(str, day.files), str(tmp_path / "zz.parquet")])
    with duckdb.connect(str(tmp_path / "a.db")) as session:
        refused = session.execute("select reason from quarantine order by file_row_number").fetchall()
        repeats = session.execute("select count(*), count(*) filter (where is_conflict) from repeats").fetchone()
        sources = session.execute("select count(distinct (filename, file_row_number)) from events").fetchone()
    assert [reason for (reason,) in refused] == [
        "unknown_device", "unknown_tenant", "unknown_metric", "unit_mismatch", "negative_delta",
        "timestamp_out_of_range",
    ]  # fmt: skip
    assert repeats == (day.duplicates + 1, 1)
    assert sources == (4_000,)
