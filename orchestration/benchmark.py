"""Finds the benchmark, which lies with the tests and is in no package."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.errors import BadInputError
from orchestration.settings import PROJECT_ROOT


@dataclass(frozen=True)
class Measurement:
    """What to measure besides a day, or, where anything is asked for, in its place; `repeat` times each."""

    repeat: int = 3
    profile: bool = False
    growth: bool = False
    close_growth: bool = False
    fixed_cost: bool = False
    cadence_seconds: int | None = None
    reconnect: bool = False


def run(asked: Measurement, events: int | None, devices: int | None, file: Path | None = None) -> None:
    """Measure, print, and write the figures to `file`; see tests/benchmarks. Raises BadInputError."""
    if file is not None and not file.parent.is_dir():
        raise BadInputError(f"--json {file}: no such folder {file.parent}; create it or name another")
    main = _main()
    figures: dict[str, float] = {}
    if asked.growth:
        figures |= main.run_growth(events, devices, asked.repeat)
    if asked.close_growth:
        figures |= main.run_close_growth(devices, asked.repeat)
    if asked.fixed_cost:
        figures |= main.run_fixed_cost(asked.repeat)
    if asked.cadence_seconds is not None:
        figures |= main.run_cadence(devices, asked.cadence_seconds)
    if asked.reconnect:
        figures |= main.run_reconnection(devices)
    if not figures:
        figures = main.run(events, devices, asked.repeat, asked.profile)
    if file is not None:
        importlib.import_module("tests.benchmarks.figures").write(file, figures)


def run_close(tenants: int, devices: int) -> None:
    """Measure a close. Raises BadInputError where there are fewer devices than tenants."""
    if not 1 <= tenants <= devices:
        raise BadInputError(f"--close {tenants} with --devices {devices}: each tenant needs a device")
    _main().run_close(tenants, devices)


def _main() -> Any:
    """The module with the benchmark. Raises BadInputError outside a checkout or without its development packages."""
    if not (PROJECT_ROOT / "tests" / "benchmarks" / "main.py").is_file():
        raise BadInputError(f"{PROJECT_ROOT} is no checkout; bench needs one: git clone the project, then uv sync")
    if importlib.util.find_spec("psutil") is None:
        raise BadInputError("bench needs the development packages; run uv sync in the checkout")
    if str(PROJECT_ROOT) not in sys.path:
        sys.path.insert(0, str(PROJECT_ROOT))
    return importlib.import_module("tests.benchmarks.main")
