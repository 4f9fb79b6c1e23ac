"""The benchmark at a size that says nothing about speed: it runs, and its answers agree."""

from __future__ import annotations

import pytest

from orchestration import benchmark
from orchestration.errors import BadInputError
from tests.integration.test_cli import meterline


@pytest.mark.heavy
def test_bench_compares_equal_answers(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    finished = meterline("bench", "--events", "20000", "--repeat", "1", "--profile")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    # 500 devices of 40 readings: 24 hours and two local days of London's summer each.
    assert "13,000 hours and days equal DuckDB's" in finished.stdout
    for part in (
        "without start-up",
        "one INSERT each, extrapolated",
        "Bytes per stored event",
        "int_messages",
    ):
        assert part in finished.stdout
    assert list(tmp_path.iterdir()) == []


def test_bench_needs_a_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "PROJECT_ROOT", tmp_path)
    with pytest.raises(BadInputError, match="bench needs one"):
        benchmark.run(1_000, None, 1, False)


def test_a_day_that_cannot_be_is_refused():
    refused = meterline("bench", "--events", "10", "--devices", "20")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "10 events of 20 devices" in refused.stderr
