"""Trains the forecast on periods that are over, and measures it on meters and periods that it has not seen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from ml.card import forecast_card
from ml.errors import EvidenceError
from ml.evaluation import coverage, wape
from ml.folds import FOLDS, folds
from ml.forecast import BLOCK_ENDS, PeriodForecaster, block_of
from ml.horizon import FEATURES, outlooks
from ml.series import SERIES, from_rows
from ml.training import Trained, one_thread, sampled

NAME = "meterline-forecast"
PARAMETERS: dict[str, Any] = {
    "iterations": 120,
    "leaves": 12,
    "learning_rate": 0.06,
    "seed": 20190201,
    "periods_to_measure": 6,
    "periods_to_calibrate": 6,
    "interval": 0.9,
}
MINIMUM_ROWS = 500
SHOWN_DAYS = (5, 10, 20)


def train(rows: pd.DataFrame) -> Trained:
    """Fit on every meter and every period whose outcome is known; measured by going forward period by period.

    Raises EvidenceError when no period's outcome is known yet.
    """
    rows = sampled(rows).reset_index(drop=True)
    known = known_outlooks(rows)
    if len(known) < MINIMUM_ROWS:
        raise EvidenceError(
            f"{len(known)} days of finished periods are known; the forecast needs {MINIMUM_ROWS} to learn from: "
            "process more days, then train again"
        )
    with one_thread():
        forecaster = _new().fit(known, known["outcome"])
        judged = _judge(known)
        notes = _settle(forecaster, judged)
    metrics = {name: round(value, 6) for name, value in _metrics(judged).items() if not math.isnan(value)}
    metrics["periods"] = float(known["period"].nunique())
    metrics["widening"] = forecaster.widening_
    card = forecast_card(metrics, PARAMETERS, notes)
    return Trained(NAME, forecaster, known[FEATURES].head(50), dict(PARAMETERS), metrics, card, notes)


def known_outlooks(rows: pd.DataFrame) -> pd.DataFrame:
    """Outlooks whose outcome is known, with their `period` (its first date) and `fold`."""
    views = outlooks(from_rows(rows), rows)
    views["period"] = rows["period_start_date"]
    views["metric"] = rows["metric"]
    views["fold"] = folds(pd.MultiIndex.from_frame(rows[SERIES]))
    return views[views["outcome"].notna()].reset_index(drop=True)


def _new() -> PeriodForecaster:
    names = ("iterations", "leaves", "learning_rate", "seed")
    return PeriodForecaster(**{name: PARAMETERS[name] for name in names})


def _judge(known: pd.DataFrame) -> pd.DataFrame:
    """Forecasts of the latest periods, each by a model that knew only other meters and earlier periods."""
    judged = []
    for period in sorted(known["period"].unique())[1:][-PARAMETERS["periods_to_measure"] :]:
        for fold in range(FOLDS):
            seen = known[(known["fold"] != fold) & (known["period"] < period)]
            unseen = known[(known["fold"] == fold) & (known["period"] == period)]
            if len(unseen) and len(seen):
                model = _new().fit(seen, seen["outcome"])
                low, middle, high = model.predict(unseen).T
                judged.append(unseen.assign(low=low, middle=middle, high=high, is_model=model.uses_model(unseen)))
    return pd.concat(judged, ignore_index=True) if judged else known.head(0)


def _settle(forecaster: PeriodForecaster, judged: pd.DataFrame) -> list[str]:
    """Serve the baseline where it was better or nothing could be measured, calibrate where there is enough; say so."""
    notes = []
    worse = [block for block in range(len(BLOCK_ENDS) + 1) if not _is_better(judged, block)]
    forecaster.serve_baseline_in(worse)
    if worse:
        names = ", ".join(_block_name(block) for block in worse)
        notes.append(f"The baseline (days of the same weekday) is served in: {names}; the model was not better there.")
    months = judged["period"].nunique() if len(judged) else 0
    if months >= PARAMETERS["periods_to_calibrate"]:
        forecaster.widen(_conformal(judged))
        notes.append(f"The interval is calibrated (split-conformal) on {months} periods.")
    else:
        notes.append(
            f"The interval is not calibrated: {months} period(s) could be measured, calibration needs "
            f"{PARAMETERS['periods_to_calibrate']}. Expect it to cover less than it says."
        )
    return notes


def _is_better(judged: pd.DataFrame, block: int) -> bool:
    rows = judged[(block_of(judged) == block) & judged["is_model"]] if len(judged) else judged
    if rows.empty:
        return False
    return wape(*_left(rows, "middle")) < wape(*_left(rows, "baseline"))


def _left(rows: pd.DataFrame, column: str) -> tuple[pd.Series, pd.Series]:
    """Actual and forecast use of the days left, in the metric's unit."""
    weight = rows["scale"] * rows["days_left"]
    return rows["outcome"] * weight, rows[column] * weight


def _conformal(judged: pd.DataFrame) -> float:
    """How far the interval's ends have to move, relative to the scale, to have covered what it promises."""
    rows = judged[judged["is_model"]]
    misses = np.maximum(rows["low"] - rows["outcome"], rows["outcome"] - rows["high"])
    rank = min(1.0, PARAMETERS["interval"] * (1 + 1 / max(1, len(misses))))
    return max(0.0, float(np.quantile(misses, rank)))


def _metrics(judged: pd.DataFrame) -> dict[str, float]:
    """Errors of the period's total on chosen days, by metric; coverage of the interval by period, as it was made."""
    found: dict[str, float] = {}
    for metric in sorted(judged["metric"].unique()):
        for day in SHOWN_DAYS:
            rows = judged[(judged["metric"] == metric) & (judged["days_elapsed"] == day)]
            actual = rows["used_quantity"] + _left(rows, "outcome")[0]
            for name, column in (("model", "middle"), ("baseline", "baseline"), ("run_rate", "period_to_date")):
                found[f"wape_{name}_{metric}_day_{day}"] = wape(actual, rows["used_quantity"] + _left(rows, column)[1])
    for period, rows in judged.groupby("period"):
        found[f"coverage_{str(period)[:7]}"] = coverage(rows["outcome"], rows["low"], rows["high"])
    return found


def _block_name(block: int) -> str:
    ends = [0, *(int(end) for end in BLOCK_ENDS)]
    return f"days {ends[block] + 1} to {ends[block + 1]}" if block < len(BLOCK_ENDS) else f"days after {ends[-1]}"
