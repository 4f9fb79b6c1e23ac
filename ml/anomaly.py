"""The anomaly model: how unlike its own past and its fleet a day's use is, in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier

from ml.series import Floats


class AnomalyDetector(BaseEstimator):  # type: ignore[misc]
    """A classifier trained on seeded faults; a day is flagged by a threshold that keeps to a quota of cases."""

    def __init__(self, iterations: int = 150, leaves: int = 15, learning_rate: float = 0.06, seed: int = 0) -> None:
        self.iterations = iterations
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, features: pd.DataFrame, is_faulty: Any) -> AnomalyDetector:
        """Learn from labelled days; medians are what a feature is replaced by when its part is asked for."""
        self.feature_names_ = list(features.columns)
        self.medians_ = [float(value) for value in features.median()]
        self.threshold_ = 1.0
        self.classifier_ = HistGradientBoostingClassifier(
            max_iter=self.iterations,
            max_leaf_nodes=self.leaves,
            learning_rate=self.learning_rate,
            l2_regularization=1.0,
            min_samples_leaf=40,
            early_stopping=False,
            random_state=self.seed,
        ).fit(features.to_numpy(), np.asarray(is_faulty, dtype=int))
        return self

    def predict(self, features: pd.DataFrame) -> Floats:
        """Scores in [0, 1], higher is stranger."""
        values = features[self.feature_names_].to_numpy(dtype=np.float64)
        return np.asarray(self.classifier_.predict_proba(values)[:, 1])

    def effects(self, features: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to each score: the score less the score with that feature at its median."""
        score = self.predict(features)
        return pd.DataFrame(
            {
                name: score - self.predict(features.assign(**{name: median}))
                for name, median in zip(self.feature_names_, self.medians_, strict=True)
            }
        )
