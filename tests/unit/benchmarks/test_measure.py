"""Costs: what a process with children uses, and the figures made of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from orchestration.errors import MeterlineError
from tests.benchmarks.measure import Cost, Spread, run
from tests.benchmarks.report import Contender, ratio

# A child that burns 0.4 s of CPU and holds 60 MB while it does.
BURN = """
import time
held = b'x' * 60_000_000
while time.process_time() < 0.4:
    pass
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"


def test_children_count(tmp_path: Path):
    cost = run([sys.executable, "-c", PARENT, BURN], os.environ, tmp_path / "log")
    assert 0.4 <= cost.cpu < 5
    assert cost.wall >= 0.4
    assert cost.peak_bytes > 60_000_000


def test_a_failure_shows_its_output(tmp_path: Path):
    with pytest.raises(MeterlineError, match="exit code 1:\nthe reason"):
        run([sys.executable, "-c", "raise SystemExit('the reason')"], os.environ, tmp_path / "log")


def test_spread_has_the_middle_and_both_ends():
    spread = Spread.of([30.0, 10.0, 1_250.0])
    assert (spread.least, spread.middle, spread.greatest) == (10, 30, 1_250)
    assert spread.text() == "30 (10-1,250)"
    assert Spread.of([7.0]).text(1) == "7.0"


def test_start_up_is_taken_off_but_peaks_stay():
    beyond = Cost(10, 8, 3, 500, 100).less(Cost(4, 9, 1, 50, 10))
    assert beyond == Cost(6, 0, 2, 500, 100)


def test_runs_one_after_another_add_up_but_memory_does_not():
    assert Cost.of_all([Cost(1, 2, 3, 40, 50), Cost(10, 20, 30, 4, 500)]) == Cost(11, 22, 33, 40, 500)


def test_a_row_is_per_message():
    # 1,000 messages in 2 s with 0.5 s and 0.1 s of CPU: 500 a second, 500 and 100 us each; the reference does 5,000.
    reference = Contender("fast", [Cost(0.2, 0.1)], 1_000)
    cells = Contender("slow", [Cost(2, 0.5, 0.1, 3_000_000, 0)], 1_000).cells(reference)
    assert cells == ["slow", "500", "0.1", "500.0", "100.0", "", "3", ""]


@pytest.mark.parametrize(("value", "text"), [(0.1234, "0.12"), (51.4, "51"), (1_234.5, "1,234")])
def test_ratios_have_two_digits(value: float, text: str):
    assert ratio(value) == text
