"""The page of results, of files as small as can be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.figures import FIGURES
from tests.benchmarks.machine import describe
from tests.benchmarks.plots import number
from tests.benchmarks.results import TARGETS, write

MACHINE = {"processor": "Abacus 1", "cores": "2", "date": "2026-01-02"}


@pytest.fixture(name="folder")
def measured(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "machine.json").write_text(json.dumps(MACHINE))
    day = {"ratio_to_duckdb": 0.12, "cpu_us_per_event": 24.9, "bytes_per_event": 160.1, "one_row_day_cpu_s": 99.0}
    (folder / "day.json").write_text(json.dumps(day))
    (folder / "fixed_cost.json").write_text(json.dumps({"one_row_day_cpu_s": 15.0}))
    (folder / "growth.json").write_text(json.dumps({"cpu_us_per_event": 61.0, "growth_ratio": 1.2}))
    (folder / "reconnect.json").write_text(json.dumps({"reconnection_messages_per_s": 12345.0}))
    return folder


def lines(page: Path) -> list[str]:
    return page.read_text().splitlines()


def test_a_figure_is_compared_with_what_it_must_be_and_what_it_should(folder: Path):
    page = write(folder)
    assert page == folder.parent / "RESULTS.md"
    found = lines(page)
    assert "Measured on: processor Abacus 1, cores 2, date 2026-01-02." in found
    for line in (
        # At a bound it is met; more is better for ratios to others, less for everything else.
        "| `ratio_to_duckdb` | 0.12 | >= 0.12 | >= 0.4 | must |",
        # The day's, not that of the growth.
        "| `cpu_us_per_event` | 24.9 | <= 60 | <= 25 | aim |",
        "| `bytes_per_event` | 160.1 | <= 160 | <= 110 | **not met** |",
        # Measured for itself, and not as a part of the day.
        "| `one_row_day_cpu_s` | 15 | <= 40 | <= 15 | aim |",
        "| `growth_ratio` | 1.2 | <= 1.5 | <= 1.15 | must |",
        "| `cadence_p95_s` | not measured | <= 90 | <= 30 | not measured |",
        "| `reconnection_messages_per_s` | 12,345 |",
    ):
        assert line in found


def test_what_was_printed_is_shown_and_drawn_alike_each_time(folder: Path):
    printed = [
        {"level": "info", "message": "benchmark: measuring ..."},
        {"level": "info", "message": "The same 100 messages each time.\n"},
        *(
            {"message": "A day into a growing store",
             "row": {"events stored": stored, "CPU us/message without start-up": cpu}}
            for stored, cpu in (("0", "50.0"), ("1,000,000", "55.5 (54.0-60.0)"))
        ),
    ]  # fmt: skip
    (folder / "growth.jsonl").write_text("".join(json.dumps(line) + "\n" for line in printed))
    found = lines(write(folder))
    start = found.index("## A growing store")
    assert [line for line in found[start + 1 :] if line] == [
        "The same 100 messages each time.",
        "![A day into a growing store](results/growth.svg)",
        "A day into a growing store:",
        "| events stored | CPU us/message without start-up |",
        "| --- | --- |",
        "| 0 | 50.0 |",
        "| 1,000,000 | 55.5 (54.0-60.0) |",
    ]
    drawn = (folder / "growth.svg").read_bytes()
    assert b"million events in the store" in drawn
    write(folder)
    assert (folder / "growth.svg").read_bytes() == drawn


def test_the_machine_is_described_once(tmp_path: Path):
    folder = tmp_path / "results"
    folder.mkdir()
    write(folder)
    described = json.loads((folder / "machine.json").read_text())
    assert described.keys() == describe().keys()
    assert all(described.values())
    (folder / "machine.json").write_text(json.dumps(MACHINE))
    assert "Abacus 1" in write(folder).read_text()


def test_every_target_is_of_a_figure():
    assert TARGETS.keys() <= FIGURES.keys()
    for target in TARGETS.values():
        assert (target.aim > target.must) == target.is_least


@pytest.mark.parametrize(("cell", "value"), [("1,234.5 (1-2)", 1234.5), (7, 7), ("0.034", 0.034), ("-1.5", -1.5)])
def test_a_cell_begins_with_its_number(cell: object, value: float):
    assert number(cell) == value


def test_a_cell_of_words_has_no_number():
    with pytest.raises(ValueError, match="'none' is no number"):
        number("none")
