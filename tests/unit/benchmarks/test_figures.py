"""The figures of a benchmark, as machines read them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.figures import write


def test_what_was_not_measured_is_absent_and_what_was_has_four_digits(tmp_path: Path):
    file = tmp_path / "figures.json"
    write(file, {"growth_ratio": 1.23456, "ratio_to_duckdb": 0.123456, "worker_peak_mb": 1234.567})
    assert json.loads(file.read_text()) == {"ratio_to_duckdb": 0.1235, "growth_ratio": 1.235, "worker_peak_mb": 1235.0}


def test_a_figure_has_a_meaning(tmp_path: Path):
    with pytest.raises(KeyError, match=r"no such figures: .'speed'."):
        write(tmp_path / "figures.json", {"speed": 1.0})
