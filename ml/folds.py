"""Groups of devices for cross-fitting: what judges a device was trained without it."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pandas as pd

FOLDS = 4


def folds(series: pd.Index) -> npt.NDArray[np.intp]:
    """A group per series, the same for all metrics of a device, by a hash of its name: stable as devices are added."""
    devices = series.get_level_values("tenant_id") + "/" + series.get_level_values("device_id")
    return np.array([number_of(device) % FOLDS for device in devices], dtype=np.intp)


def number_of(text: str) -> int:
    """A number that looks random and is always the same for the text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
