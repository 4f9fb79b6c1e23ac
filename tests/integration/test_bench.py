"""The benchmark at a size that says nothing about speed: it runs, and its answers agree."""

from __future__ import annotations

import json

import pytest

from orchestration import benchmark
from orchestration.errors import BadInputError
from tests.integration.test_cli import meterline


@pytest.mark.heavy
@pytest.mark.timeout(1_800)
def test_bench_compares_equal_answers(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    file = tmp_path / "figures.json"
    finished = meterline("bench", "--events", "20000", "--repeat", "1", "--profile", "--json", str(file))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    # 500 devices of 40 readings: 24 hours and two local days of London's summer each.
    assert "13,000 hours and days equal DuckDB's" in finished.stdout
    for part in (
        "without start-up",
        "one INSERT each, extrapolated",
        "executemany of 1,000, extrapolated",
        "raw COPY, no key",
        "Bytes per stored event",
        "int_messages",
    ):
        assert part in finished.stdout
    figures = json.loads(file.read_text())
    assert list(figures) == [
        "ratio_to_duckdb",
        "ratio_to_insert",
        "cpu_us_per_event",
        "bytes_per_event",
        "archived_bytes_per_event",
        "worker_peak_mb",
        "database_peak_mb",
        "one_row_day_cpu_s",
    ]
    assert all(value > 0 for value in figures.values())
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.heavy
@pytest.mark.timeout(1_800)
def test_bench_of_growth_measures_the_same_messages_each_time(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    file = tmp_path / "figures.json"
    finished = meterline(
        "bench", "--growth", "--events", "2000", "--devices", "50", "--repeat", "1", "--json", str(file)
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    # 50 devices of 40 readings a day: 2,000 in each of the stores' 0, 1, 5 and 20 days.
    for stored in ("0 ", "2,000", "10,000", "40,000"):
        assert stored in finished.stdout
    assert list(json.loads(file.read_text())) == ["cpu_us_per_event", "cpu_us_per_event_next_day", "growth_ratio"]


@pytest.mark.heavy
@pytest.mark.timeout(1_800)
def test_bench_of_a_growing_close_rates_the_same_devices(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    file = tmp_path / "figures.json"
    finished = meterline("bench", "--close-growth", "--devices", "100", "--repeat", "1", "--json", str(file))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    # 32 days of one and of ten readings.
    for events in ("3,200", "32,000"):
        assert events in finished.stdout
    assert list(json.loads(file.read_text())) == ["close_growth_ratio"]


@pytest.mark.heavy
@pytest.mark.timeout(1_800)
def test_bench_of_fixed_costs_runs_the_daemon(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    file = tmp_path / "figures.json"
    finished = meterline("bench", "--fixed-cost", "--repeat", "1", "--json", str(file))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    figures = json.loads(file.read_text())
    assert list(figures) == ["nothing_pending_cpu_s", "one_row_day_cpu_s", "one_row_day_daemon_cpu_s"]
    assert figures["nothing_pending_cpu_s"] < figures["one_row_day_cpu_s"]


@pytest.mark.heavy
@pytest.mark.timeout(1_800)
def test_bench_of_a_stream_tells_every_budget(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    file = tmp_path / "figures.json"
    finished = meterline("bench", "--cadence", "--devices", "120", "--seconds", "60", "--json", str(file))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    # 12 files of 20 devices.
    assert "240 messages, each metered, each budget told once" in finished.stdout
    assert list(json.loads(file.read_text())) == ["cadence_p95_s"]


@pytest.mark.heavy
@pytest.mark.timeout(1_800)
def test_bench_of_a_fleet_that_comes_back_finds_the_same_books(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    file = tmp_path / "figures.json"
    finished = meterline("bench", "--reconnect", "--devices", "20", "--json", str(file))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    # 96 readings a day, and one on the eve at 23:45 UTC: 73 hours of each device, from London's 10 June to the first
    # hour of its 13 June; ten tenants, with a line for use and one for active devices each.
    assert "20 devices: 5,760 readings of 3 days" in finished.stdout
    assert "1,460 hours, 80 days, 10 invoices, 20 invoice lines" in finished.stdout
    for part in ("as it happened", "all at once after three days"):
        assert part in finished.stdout
    figures = json.loads(file.read_text())
    assert list(figures) == [
        "reconnection_messages_per_s",
        "reconnection_worker_peak_mb",
        "reconnection_database_peak_mb",
    ]
    assert all(value > 0 for value in figures.values())


@pytest.mark.heavy
@pytest.mark.timeout(1_800)
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
        benchmark.run(benchmark.Measurement(repeat=1), 1_000, None)


def test_figures_go_into_a_folder_that_exists(tmp_path):
    file = tmp_path / "nowhere" / "figures.json"
    with pytest.raises(BadInputError, match="no such folder"):
        benchmark.run(benchmark.Measurement(), None, None, file)


def test_a_close_of_fewer_devices_than_tenants_is_refused():
    with pytest.raises(BadInputError, match="--close 20 with --devices 10: each tenant needs a device"):
        benchmark.run_close(20, 10)


def test_a_day_that_cannot_be_is_refused():
    refused = meterline("bench", "--events", "10", "--devices", "20")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "10 events of 20 devices" in refused.stderr
