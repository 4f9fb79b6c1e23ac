"""Scores with what is needed to audit them: snapshot rows and a verified model in, candidates for publication out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.anomaly import AnomalyDetector
from ml.anomaly_training import features_of, scorable
from ml.features import expected_use, known_days
from ml.forecast import PeriodForecaster
from ml.horizon import outlooks
from ml.series import SERIES, from_rows, gather, positions
from ml.training import one_thread

SUBJECT = ["tenant_id", "device_id", "metric", "period_id", "local_date"]
# A device that was silent for longer has no forecast: nobody knows whether it still exists.
SILENT_DAYS = 7
REASONS = 3


@dataclass(frozen=True)
class Origin:
    """Which model speaks, and about which snapshot; every score carries it."""

    model_name: str
    model_version: str
    run_id: str
    artifact_sha256: str
    snapshot_sha256: str
    mode: str = "shadow"


def days_to_score(rows: pd.DataFrame, span_days: int) -> pd.DataFrame:
    """The snapshot rows of its last `span_days` days that have enough history to be judged."""
    series = from_rows(rows)
    dates, columns = positions(series, rows)
    return rows[(dates >= len(series.dates) - span_days) & scorable(series)[dates, columns]]


def periods_to_score(rows: pd.DataFrame) -> pd.DataFrame:
    """The newest row of every series that still reports and whose period is not over."""
    newest = rows.sort_values("local_date").groupby(SERIES, sort=False).tail(1)
    dates = pd.to_datetime(newest["local_date"])
    reports = dates > pd.to_datetime(rows["local_date"]).max() - pd.Timedelta(days=SILENT_DAYS)
    return newest[reports & (pd.to_datetime(newest["period_end_date"]) > dates + pd.Timedelta(days=1))].sort_index()


def score_days(detector: AnomalyDetector, rows: pd.DataFrame, subjects: pd.DataFrame, origin: Origin) -> pd.DataFrame:
    """How unusual each subject's day is; `rows` is the whole snapshot, `subjects` the rows of it to score."""
    series = from_rows(rows)
    dates, columns = positions(series, subjects)
    features = gather(features_of(series), dates, columns)
    expected = expected_use(series).to_numpy()[dates, columns]
    with one_thread():
        scores, effects = detector.predict(features), detector.effects(features)
    history = known_days(series)[dates, columns]
    medians = dict(zip(detector.feature_names_, detector.medians_, strict=True))
    explained = [
        {
            "expected": _short(expected[row]),
            "observed": _short(float(subjects["quantity"].iloc[row])),
            "known_days_before": int(history[row]),
            "reasons": _reasons(features, effects, medians, row),
        }
        for row in range(len(subjects))
    ]
    facts = subjects.assign(observed_quantity=subjects["quantity"].astype(float))
    columns_of_days = {
        "horizon_days": None,
        "score": scores,
        "threshold": detector.threshold_,
        "is_flagged": scores >= detector.threshold_,
        "predicted_quantity": None,
        "lower_quantity": None,
        "upper_quantity": None,
    }
    return _candidates(facts, origin, columns_of_days, explained)


def _reasons(
    features: pd.DataFrame, effects: pd.DataFrame, medians: dict[str, float], row: int
) -> list[dict[str, Any]]:
    """The features that moved the score most, each against its usual value."""
    moved = effects.iloc[row].abs().sort_values(ascending=False, kind="stable").index[:REASONS]
    return [
        {
            "feature": name,
            "value": _short(features[name].iloc[row]),
            "usual": _short(medians[name]),
            "effect": _short(effects[name].iloc[row]),
        }
        for name in moved
    ]


def score_periods(
    forecaster: PeriodForecaster, rows: pd.DataFrame, subjects: pd.DataFrame, origin: Origin
) -> pd.DataFrame:
    """What each subject's period is expected to use in the end, from the day of the subject on."""
    views = outlooks(from_rows(rows), subjects)
    with one_thread():
        quantiles = forecaster.predict(views)
    by_model = forecaster.uses_model(views)
    used = views["used_quantity"].to_numpy()
    left = quantiles * (views["scale"] * views["days_left"]).to_numpy()[:, None]
    lower, middle, upper = (used[:, None] + left).T
    facts = _so_far(rows, subjects).assign(observed_quantity=used)
    explained = [
        {
            "spoke": "model" if by_model[row] else "baseline",
            "baseline": _short(used[row] + (views["baseline"] * views["scale"] * views["days_left"]).iloc[row]),
            "used_so_far": _short(used[row]),
            "days_over": int(views["days_elapsed"].iloc[row]),
            "known_days_before": int(views["known_days"].iloc[row]),
            "least_day": _short(facts["least_day"].iloc[row]),
            "interval": "5 % to 95 %",
        }
        for row in range(len(subjects))
    ]
    columns_of_periods = {
        "horizon_days": views["days_left"].astype(int).to_numpy(),
        "score": None,
        "threshold": None,
        "is_flagged": False,
        "predicted_quantity": middle,
        "lower_quantity": lower,
        "upper_quantity": upper,
    }
    return _candidates(facts, origin, columns_of_periods, explained)


def _so_far(rows: pd.DataFrame, subjects: pd.DataFrame) -> pd.DataFrame:
    """Subjects with the events of their whole period so far, and the least day that their series ever had."""
    numbers = rows.assign(number=rows["quantity"].astype(float))
    until = subjects[[*SERIES, "period_id", "local_date"]].rename(columns={"local_date": "until_date"})
    inside = rows.merge(until, on=[*SERIES, "period_id"])
    inside = inside[inside["local_date"] <= inside["until_date"]]
    # Text in ISO form and one zone sorts as time does.
    period = inside.groupby([*SERIES, "period_id"]).agg(
        first_event_at=("first_event_at", "min"),
        last_event_at=("last_event_at", "max"),
        event_count=("event_count", "sum"),
    )
    least = numbers.groupby(SERIES)["number"].min().rename("least_day")
    facts = subjects.drop(columns=["first_event_at", "last_event_at", "event_count"])
    facts = facts.merge(period, left_on=[*SERIES, "period_id"], right_index=True, how="left")
    return facts.merge(least, left_on=SERIES, right_index=True, how="left").loc[subjects.index]


def _candidates(
    facts: pd.DataFrame, origin: Origin, values: dict[str, Any], explained: list[dict[str, Any]]
) -> pd.DataFrame:
    identified = facts.assign(**asdict(origin), **values)
    return identified.assign(
        score_id=[score_id(origin, subject) for subject in zip(*(facts[name] for name in SUBJECT), strict=True)],
        cohort=facts["device_type"].fillna("any type") + " / " + facts["metric"],
        subject_date=facts["local_date"],
        explanation=[json.dumps(reason) for reason in explained],
    )


def score_id(origin: Origin, subject: tuple[str, ...]) -> str:
    """The name of a score: the same for the same model version, snapshot and subject (values of SUBJECT)."""
    parts = [origin.model_name, origin.model_version, origin.snapshot_sha256, *subject]
    return f"SCR-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"


def _short(value: float | npt.NDArray[np.float64]) -> float | None:
    """Six significant digits for a person to read; None for what is not a number, which JSON does not know."""
    return float(f"{float(value):.6g}") if np.isfinite(value) else None
