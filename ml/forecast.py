"""The forecast of use to the end of the period: quantiles of what each day left uses, relative to recent use."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingRegressor

from ml.horizon import FEATURES
from ml.series import Floats

QUANTILES = (0.05, 0.5, 0.95)
# With fewer known days the model has nothing to go by, and days of the same weekday are the better guess.
MINIMUM_DAYS = 14
MINIMUM_ROWS = 500
# Days of the period that are over, by which the better of model and baseline is chosen: to 7, 14, 21, and beyond.
BLOCK_ENDS = (7.0, 14.0, 21.0)
# A series that wakes up may use a thousand times its scale; more than this many times teaches nothing about the others.
GREATEST_OUTCOME = 10.0
# Where nothing was learnt about the baseline's errors: half to double.
UNKNOWN_SPREAD = (0.5, 1.0, 2.0)


class PeriodForecaster(BaseEstimator):  # type: ignore[misc]
    """One global gradient boosting per quantile, with a baseline of equal weekdays where history is short."""

    def __init__(self, iterations: int = 120, leaves: int = 12, learning_rate: float = 0.06, seed: int = 0) -> None:
        self.iterations = iterations
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, features: pd.DataFrame, outcome: Any) -> PeriodForecaster:
        """Learn from outlooks with a known outcome (see `ml.horizon.outlooks`)."""
        known = np.minimum(np.asarray(outcome, dtype=np.float64), GREATEST_OUTCOME)
        baseline = features["baseline"].to_numpy()
        usable = baseline > 0
        ratios = known[usable] / baseline[usable]
        spread = np.quantile(ratios, QUANTILES) if len(ratios) >= MINIMUM_ROWS else np.array(UNKNOWN_SPREAD)
        self.spread_ = [float(spread[0]), 1.0, float(spread[2])]
        self.blocks_ = [1.0] * (len(BLOCK_ENDS) + 1)
        self.widening_ = 0.0
        learnable = features["known_days"].to_numpy() >= MINIMUM_DAYS
        self.models_: list[HistGradientBoostingRegressor] = []
        if learnable.sum() >= MINIMUM_ROWS:
            values = features[FEATURES].to_numpy()[learnable]
            self.models_ = [self._model(quantile).fit(values, known[learnable]) for quantile in QUANTILES]
        return self

    def serve_baseline_in(self, blocks: list[int]) -> None:
        """Leave these blocks of the period (0: its first week) to the baseline, which was measured to be better."""
        self.blocks_ = [0.0 if block in blocks else 1.0 for block in range(len(BLOCK_ENDS) + 1)]

    def widen(self, by: float) -> None:
        """Move both ends of the model's interval outwards by this share of the scale (conformal calibration)."""
        self.widening_ = float(by)

    def uses_model(self, features: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """For which rows the model speaks, and not the baseline."""
        if not self.models_:
            return np.zeros(len(features), dtype=bool)
        allowed = np.asarray(self.blocks_)[block_of(features)] > 0
        return np.asarray(allowed & (features["known_days"].to_numpy() >= MINIMUM_DAYS))

    def predict(self, features: pd.DataFrame) -> Floats:
        """The 5 %, 50 % and 95 % quantile per row, in order, as use a day relative to the scale."""
        baseline = features["baseline"].to_numpy()[:, None]
        found = baseline * np.asarray(self.spread_)
        rows = self.uses_model(features)
        if rows.any():
            values = features.loc[rows, FEATURES].to_numpy()
            quantiles = np.column_stack([model.predict(values) for model in self.models_])
            found[rows] = np.sort(quantiles, axis=1) + self.widening_ * np.array([-1.0, 0.0, 1.0])
            # The mean of the two was measured to be better than either on every set of meters.
            found[rows, 1] = (found[rows, 1] + baseline[rows, 0]) / 2
        never_fed_back = baseline >= 0
        return np.sort(np.where(never_fed_back, np.maximum(found, 0.0), found), axis=1)

    def _model(self, quantile: float) -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(
            loss="quantile",
            quantile=quantile,
            max_iter=self.iterations,
            max_leaf_nodes=self.leaves,
            learning_rate=self.learning_rate,
            min_samples_leaf=30,
            early_stopping=False,
            random_state=self.seed,
        )


def block_of(features: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Position of each row's block of the period, by the days that are over."""
    return np.searchsorted(BLOCK_ENDS, features["days_elapsed"].to_numpy(), side="left")
