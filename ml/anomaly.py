"""The anomaly model: how unlike its own past and its fleet a day's use is, in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier

from ml.folds import FOLDS
from ml.series import Floats

FOLD = "fold"


class AnomalyDetector(BaseEstimator):  # type: ignore[misc]
    """Classifiers trained on seeded faults; a day is flagged by a threshold that keeps to a quota of cases.

    Every device is judged by the classifier that was trained without it: one that had seen its past would have learnt
    that whatever happened there was ordinary.
    """

    def __init__(self, iterations: int = 150, leaves: int = 15, learning_rate: float = 0.06, seed: int = 0) -> None:
        self.iterations = iterations
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, features: pd.DataFrame, is_faulty: Any) -> AnomalyDetector:
        """Learn from labelled days whose column FOLD says to which group of devices they belong.

        Medians are what a feature is replaced by when its part in a score is asked for.
        """
        truth = np.asarray(is_faulty, dtype=int)
        fold = features[FOLD].to_numpy()
        self.feature_names_ = [name for name in features.columns if name != FOLD]
        values = features[self.feature_names_].to_numpy(dtype=np.float64)
        self.medians_ = [float(value) for value in np.nanmedian(values, axis=0)]
        self.threshold_ = 1.0
        self.classifiers_ = [self._classifier().fit(values[fold != out], truth[fold != out]) for out in range(FOLDS)]
        return self

    def predict(self, features: pd.DataFrame) -> Floats:
        """Scores in [0, 1], higher is stranger."""
        values = features[self.feature_names_].to_numpy(dtype=np.float64)
        fold = features[FOLD].to_numpy()
        scores = np.full(len(values), np.nan)
        for out, classifier in enumerate(self.classifiers_):
            rows = fold == out
            if rows.any():
                scores[rows] = classifier.predict_proba(values[rows])[:, 1]
        return scores

    def effects(self, features: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to each score: the score less the score with that feature at its median."""
        score = self.predict(features)
        return pd.DataFrame(
            {
                name: score - self.predict(features.assign(**{name: median}))
                for name, median in zip(self.feature_names_, self.medians_, strict=True)
            }
        )

    def _classifier(self) -> HistGradientBoostingClassifier:
        return HistGradientBoostingClassifier(
            max_iter=self.iterations,
            max_leaf_nodes=self.leaves,
            learning_rate=self.learning_rate,
            l2_regularization=1.0,
            min_samples_leaf=40,
            early_stopping=False,
            random_state=self.seed,
        )
