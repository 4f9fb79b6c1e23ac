"""Seeded faults: copies of real series in which something goes wrong on known days, to learn and to measure by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.series import Floats, Series

DURATION_DAYS = {"spike": (1, 1), "drop": (1, 3), "stuck": (3, 6), "leak": (5, 14), "tamper": (10, 21), "zero": (2, 7)}
KINDS = tuple(DURATION_DAYS)
# Chance that a fault begins on a given day of a series. To learn, many (about one day in twenty is then faulty); to
# measure, few enough that a quota of ten cases in a thousand days could find them all.
FAULTS_TO_LEARN = 0.012
FAULTS_TO_MEASURE = 0.004
# A change below this share of the usual use is nothing that anybody could or should find.
VISIBLE_SHARE = 0.1


@dataclass(frozen=True)
class Seeded:
    """Series with faults: by date and series the fault's number (0: none) and its kind's position in KINDS."""

    series: Series
    fault: npt.NDArray[np.intp]
    kind: npt.NDArray[np.intp]

    @property
    def is_faulty(self) -> npt.NDArray[np.bool_]:
        """Days on which a fault shows."""
        return self.fault > 0


def seed_faults(series: Series, seed: int, per_day: float, kinds: tuple[str, ...] = KINDS) -> Seeded:
    """Put faults of the given kinds into a copy of the series, the same ones for the same seed."""
    random = np.random.default_rng(seed)
    clean = series.quantity.to_numpy()
    use = clean.copy()
    fault = np.zeros(use.shape, dtype=np.intp)
    kind_of = np.zeros(use.shape, dtype=np.intp)
    usual = np.nanmedian(clean, axis=0)
    begins = np.argwhere(random.random(use.shape) < per_day)
    for number, (day, column) in enumerate(begins, start=1):
        kind = kinds[int(random.integers(len(kinds)))]
        days = slice(day, min(day + _duration(kind, random), len(use)))
        if usual[column] <= 0 or fault[days, column].any():
            continue
        use[days, column] = _faulty(kind, clean[days, column], usual[column], random)
        shows = np.abs(use[days, column] - clean[days, column]) > VISIBLE_SHARE * usual[column]
        fault[days, column] = np.where(shows, number, 0)
        kind_of[days, column] = KINDS.index(kind)
    changed = series.quantity.copy()
    changed.iloc[:, :] = use
    return Seeded(series.with_quantity(changed), fault, kind_of)


def _duration(kind: str, random: np.random.Generator) -> int:
    least, most = DURATION_DAYS[kind]
    return int(random.integers(least, most + 1))


def _faulty(kind: str, use: Floats, usual: float, random: np.random.Generator) -> Floats:
    """What the meter reports instead of `use`; days without a report stay without one."""
    if kind == "spike":
        return np.asarray(use + usual * random.uniform(1.5, 6))
    if kind == "drop":
        return np.asarray(use * random.uniform(0.0, 0.5))
    if kind == "leak":
        return np.asarray(use + usual * random.uniform(0.2, 0.8))
    if kind == "tamper":
        return np.asarray(use * random.uniform(0.3, 0.7))
    faulty = np.where(np.isnan(use), np.nan, 0.0)
    if kind == "stuck" and not np.isnan(use[-1]):
        # The register moves again and the days it stood still arrive at once.
        faulty[-1] = np.nansum(use)
    return faulty
