"""Finds the benchmark, which lies with the tests and is in no package."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

from orchestration.errors import BadInputError
from orchestration.settings import PROJECT_ROOT


def run(events: int, devices: int | None, repeat: int, profile: bool) -> None:
    """Measure a day; see tests/benchmarks."""
    _main().run(events, devices, repeat, profile)


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
