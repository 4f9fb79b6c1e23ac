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


@pytest.mark.heavy
def test_bench_of_a_close_rates_every_device(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    finished = meterline("bench", "--close", "20", "--devices", "100")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    # It refuses to print otherwise.
    assert "20 tenants, 100 device-periods, 20 rate cards: every device rated, one run." in finished.stdout
    for part in ("meterline close", "plain aggregation", "a close with nothing new", "int_"):
        assert part in finished.stdout
    assert list(tmp_path.iterdir()) == []


def test_bench_needs_a_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "PROJECT_ROOT", tmp_path)
    with pytest.raises(BadInputError, match="bench needs one"):
        benchmark.run(1_000, None, 1, False)


def test_a_close_of_fewer_devices_than_tenants_is_refused():
    with pytest.raises(BadInputError, match="--close 20 with --devices 10: each tenant needs a device"):
        benchmark.run_close(20, 10)


def test_a_day_that_cannot_be_is_refused():
    refused = meterline("bench", "--events", "10", "--devices", "20")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "10 events of 20 devices" in refused.stderr
