"""Where a model comes from: one digest over everything that decides what training yields."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "pandas", "scikit-learn", "skops")


def requirements() -> list[str]:
    """What a process needs to load a model, pinned to what trained it."""
    return [f"{name}=={version(name)}" for name in LIBRARIES]


def code_sha256() -> str:
    """SHA-256 (hex) over the source files of this package."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(path.name.encode() + b"\0" + path.read_bytes() for path in sources)).hexdigest()


def fingerprint(snapshot_sha256: str, parameters: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over data, parameters, code and libraries: with the same one, training would yield the same."""
    parts = {
        "snapshot": snapshot_sha256,
        "parameters": dict(parameters),
        "code": code_sha256(),
        "libraries": requirements(),
        "python": platform.python_version(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
