"""Measures of quality, for the model cards: of a ranking of days, of a forecast, of an interval."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike


def precision_in_quota(scores: ArrayLike, truth: ArrayLike, per_thousand: int) -> float:
    """Share of true cases among the highest scores, `per_thousand` of every thousand; at least one is looked at."""
    chosen = in_quota(scores, per_thousand)
    return float(np.asarray(truth, dtype=bool)[chosen].mean())


def recall_of_events(scores: ArrayLike, event: ArrayLike, per_thousand: int) -> float:
    """Share of events (numbers above 0) of which at least one day is within the quota; NaN where there are none."""
    numbers = np.asarray(event)
    everything = set(numbers[numbers > 0].tolist())
    found = set(numbers[in_quota(scores, per_thousand)].tolist()) & everything
    return len(found) / len(everything) if everything else math.nan


def in_quota(scores: ArrayLike, per_thousand: int) -> npt.NDArray[np.intp]:
    """Positions of the highest scores; of equal ones the earlier."""
    values = np.asarray(scores, dtype=np.float64)
    count = max(1, math.floor(len(values) * per_thousand / 1000))
    return np.argsort(-values, kind="stable")[:count]


def quota_threshold(scores: ArrayLike, per_thousand: int) -> float:
    """The least score that is within the quota."""
    values = np.asarray(scores, dtype=np.float64)
    return float(values[in_quota(values, per_thousand)[-1]])


def wape(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Sum of absolute errors as a share of the actual total; NaN where the total is zero."""
    truth, guess = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    total = float(np.abs(truth).sum())
    return float(np.abs(truth - guess).sum()) / total if total else math.nan


def coverage(actual: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """Share of values that lie in their interval, its ends included; NaN where there are none."""
    truth = np.asarray(actual, dtype=np.float64)
    inside = (truth >= np.asarray(lower)) & (truth <= np.asarray(upper))
    return float(inside.mean()) if len(truth) else math.nan
