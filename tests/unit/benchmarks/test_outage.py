"""A fleet's three days and its backlog, by hand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.benchmarks import outage
from tests.benchmarks.contenders import VoidBenchmarkError
from tests.benchmarks.outage import generate
from tests.benchmarks.reconnection import compare

# What a device says, whenever it is sent.
SAID = ("tenant_id", "device_id", "metric", "msg_seq", "quantity", "device_ts", "unit")


def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def said(found: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row[name] for name in SAID) for row in found)


@pytest.fixture(name="fleet")
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> outage.Outage:
    # Two devices of 288 readings in a file of the backlog.
    monkeypatch.setattr(outage, "CHUNK_ROWS", 600)
    return generate(tmp_path, 5)


def test_the_backlog_is_the_days_message_by_message(fleet: outage.Outage):
    days, backlog = rows(fleet.folder / "days"), rows(fleet.folder / "backlog")
    assert said(days) == said(backlog)
    # 96 a day, three days.
    assert fleet.readings == len(said(days)) == 5 * 288
    assert fleet.duplicates == len(days) - 5 * 288 > 0


def test_every_device_sends_its_backlog_in_one_session_of_the_reconnection(fleet: outage.Outage):
    files = sorted((fleet.folder / "backlog").rglob("*.parquet"))
    assert {path.parent.name for path in files} == {"date=2019-06-13"}
    assert len(files) == 3
    backlog = rows(fleet.folder / "backlog")
    assert len({(row["device_id"], row["session_id"]) for row in backlog}) == 5
    back_at = datetime(2019, 6, 13, tzinfo=UTC)
    for row in backlog:
        assert back_at < row["sent_ts"] < back_at + timedelta(minutes=10)
        assert timedelta(0) < row["received_at"] - row["sent_ts"] < timedelta(seconds=33)
        assert datetime(2019, 6, 10, tzinfo=UTC) <= row["device_ts"] < back_at


def test_the_days_are_received_as_they_are_measured(fleet: outage.Outage):
    for path in (fleet.folder / "days").rglob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            assert path.parent.name == f"date={row['received_at']:%Y-%m-%d}" == f"date={row['device_ts']:%Y-%m-%d}"
            assert timedelta(0) < row["received_at"] - row["device_ts"] < timedelta(seconds=34)
    # A quarter of an hour before the first day.
    eve = {row["device_ts"] for row in rows(fleet.landing)}
    assert min(eve) == datetime(2019, 6, 9, 23, 45, tzinfo=UTC)
    assert max(eve) < datetime(2019, 6, 10, tzinfo=UTC)


@pytest.mark.parametrize("found", ["a,1.0\nb,2\n", "a,1\n", "a,1\nb,2\nc,3\n"])
def test_totals_that_differ_in_any_digit_or_line_void_the_benchmark(tmp_path: Path, found: str):
    (tmp_path / "one").write_text("a,1\nb,2\n")
    (tmp_path / "other").write_text(found)
    assert compare("hours", tmp_path / "one", tmp_path / "one") == 2
    with pytest.raises(VoidBenchmarkError, match="hours differ: as it happened"):
        compare("hours", tmp_path / "one", tmp_path / "other")


def test_nothing_is_no_agreement(tmp_path: Path):
    (tmp_path / "empty").touch()
    with pytest.raises(VoidBenchmarkError, match="no hours to compare"):
        compare("hours", tmp_path / "empty", tmp_path / "empty")
