"""Trains the anomaly model on seeded faults, and measures it on meters and weeks that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from ml.anomaly import FOLD, AnomalyDetector
from ml.card import anomaly_card
from ml.errors import EvidenceError
from ml.evaluation import precision_in_quota, quota_threshold, recall_of_events
from ml.features import MINIMUM_DAYS, day_features, expected_use, known_days
from ml.folds import folds
from ml.injection import FAULTS_TO_LEARN, FAULTS_TO_MEASURE, KINDS, Seeded, seed_faults
from ml.series import Floats, Series, from_rows, gather
from ml.training import Trained, one_thread, sampled

NAME = "meterline-anomaly"
PARAMETERS: dict[str, Any] = {
    "iterations": 150,
    "leaves": 15,
    "learning_rate": 0.06,
    "seed": 20190201,
    "copies_with_faults": 3,
    "cases_per_1000_days": 10,
    "share_of_dates_to_learn": 0.6,
}
MINIMUM_ROWS = 500


@dataclass(frozen=True)
class Days:
    """Scorable days as rows: features, the fault on each (0: none), its kind, and what was used and expected."""

    features: pd.DataFrame
    fault: npt.NDArray[np.intp]
    kind: npt.NDArray[np.intp]
    raw: pd.DataFrame


def train(rows: pd.DataFrame) -> Trained:
    """Fit on every meter and day of the snapshot; the metrics come from models that had not seen what they judge.

    Raises EvidenceError when there are too few days to learn from.
    """
    series = from_rows(sampled(rows))
    if scorable(series).sum() < MINIMUM_ROWS:
        raise EvidenceError(
            f"{int(scorable(series).sum())} days have a week of history; the anomaly model needs {MINIMUM_ROWS} to "
            "learn from: process more days, then train again"
        )
    with one_thread():
        metrics = _measure(series)
        detector, learnt = _fit(series, PARAMETERS["seed"])
        ordinary = days_of(_as_it_was(series))
        detector.threshold_ = quota_threshold(detector.predict(ordinary.features), PARAMETERS["cases_per_1000_days"])
    metrics |= {"threshold": detector.threshold_, "series": series.quantity.shape[1], "days": len(series.dates)}
    metrics = {name: round(float(value), 6) for name, value in metrics.items() if not np.isnan(value)}
    card = anomaly_card(metrics, PARAMETERS, series)
    return Trained(NAME, detector, learnt.features.head(50), dict(PARAMETERS), metrics, card)


def scorable(series: Series) -> npt.NDArray[np.bool_]:
    """By date and series: whether there is use, and enough of it before."""
    return np.asarray(series.quantity.notna() & (known_days(series) >= MINIMUM_DAYS))


def features_of(series: Series) -> dict[str, Floats]:
    """Features by name, with the group of the series' device: tables of date by series."""
    group = np.broadcast_to(folds(series.quantity.columns).astype(np.float64), series.quantity.shape)
    return day_features(series) | {FOLD: group}


def days_of(seeded: Seeded, within: slice = slice(None)) -> Days:
    """The scorable days of a span of dates."""
    allowed = scorable(seeded.series)
    inside = np.zeros(len(allowed), dtype=bool)
    inside[within] = True
    dates, columns = np.nonzero(allowed & inside[:, None])
    raw = {
        "quantity": seeded.series.quantity.to_numpy(),
        "expected": expected_use(seeded.series).to_numpy(),
    }
    return Days(
        gather(features_of(seeded.series), dates, columns),
        seeded.fault[dates, columns],
        seeded.kind[dates, columns],
        gather(raw, dates, columns),
    )


def _fit(series: Series, seed: int, within: slice = slice(None)) -> tuple[AnomalyDetector, Days]:
    copies = [
        days_of(seed_faults(series, seed + copy, FAULTS_TO_LEARN), within)
        for copy in range(PARAMETERS["copies_with_faults"])
    ]
    features = pd.concat([copy.features for copy in copies], ignore_index=True)
    fault = np.concatenate([copy.fault for copy in copies])
    detector = AnomalyDetector(
        iterations=PARAMETERS["iterations"],
        leaves=PARAMETERS["leaves"],
        learning_rate=PARAMETERS["learning_rate"],
        seed=seed,
    ).fit(features, fault > 0)
    return detector, Days(features, fault, np.concatenate([c.kind for c in copies]), copies[0].raw)


def _as_it_was(series: Series) -> Seeded:
    none = np.zeros(series.quantity.shape, dtype=np.intp)
    return Seeded(series, none, none)


def _measure(series: Series) -> dict[str, float]:
    """Quality on later weeks than were learnt from, devices judged without having been seen; beside simpler ways."""
    cut = int(len(series.dates) * PARAMETERS["share_of_dates_to_learn"])
    detector, learnt = _fit(series, PARAMETERS["seed"], slice(0, cut))
    judged = [
        _judged(detector, learnt, days_of(seed_faults(series, 7919 + copy, FAULTS_TO_MEASURE), slice(cut, None)), copy)
        for copy in range(PARAMETERS["copies_with_faults"])
    ]
    return _metrics(pd.concat(judged, ignore_index=True))


def _judged(detector: AnomalyDetector, learnt: Days, days: Days, copy: int) -> pd.DataFrame:
    forest = IsolationForest(n_estimators=100, random_state=PARAMETERS["seed"])
    raw_forest = IsolationForest(n_estimators=100, random_state=PARAMETERS["seed"])
    names = [name for name in learnt.features.columns if name != FOLD]
    residuals = forest.fit(learnt.features[names].fillna(0.0).head(5000))
    raw = raw_forest.fit(learnt.raw[["quantity"]].fillna(0.0).head(5000))
    return pd.DataFrame(
        {
            "model": detector.predict(days.features),
            "robust_z": days.features["robust_z"].abs().fillna(0.0),
            "isolation_forest": -residuals.score_samples(days.features[names].fillna(0.0)),
            "isolation_forest_on_raw": -raw.score_samples(days.raw[["quantity"]].fillna(0.0)),
            "fault": np.where(days.fault > 0, days.fault + copy * 10_000_000, 0),
            "kind": days.kind,
        }
    )


def _metrics(judged: pd.DataFrame) -> dict[str, float]:
    truth = judged["fault"] > 0
    if not truth.any():
        return {"held_out_days": len(judged)}
    quota = PARAMETERS["cases_per_1000_days"]
    found: dict[str, float] = {"held_out_days": len(judged), "faulty_share": float(truth.mean())}
    for detector in ("model", "robust_z", "isolation_forest", "isolation_forest_on_raw"):
        found[f"average_precision_{detector}"] = float(average_precision_score(truth, judged[detector]))
    found["roc_auc_model"] = float(roc_auc_score(truth, judged["model"]))
    found["precision_in_quota"] = precision_in_quota(judged["model"], truth, quota)
    found["event_recall_in_quota"] = recall_of_events(judged["model"], judged["fault"], quota)
    for position, kind in enumerate(KINDS):
        of_kind = judged[truth & (judged["kind"] == position)]
        scores = pd.concat([of_kind, judged[~truth]])
        if len(of_kind):
            found[f"roc_auc_{kind}"] = float(roc_auc_score(scores["fault"] > 0, scores["model"]))
    return found
