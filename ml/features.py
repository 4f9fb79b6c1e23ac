"""What the anomaly model looks at: a day's use against the same series' past and against the fleet on that day.

Every value of a date is computed from that date and earlier ones alone, so that a score can be reproduced at any time.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.series import Floats, Series, fleet_median

HISTORY_DAYS = 56
RECENT_DAYS = 28
# With fewer earlier days there is no telling what is usual, so such a day is not scored.
MINIMUM_DAYS = 7
# Differences below this share of the usual daily use are noise of the meter's resolution.
FLOOR_SHARE = 0.05
ROBUST = 1.4826


def day_features(series: Series) -> dict[str, Floats]:
    """Features by name, each a table of date by series; NaN where the past says nothing."""
    use = series.quantity
    before = use.shift(1)
    usual = before.rolling(RECENT_DAYS, min_periods=3).mean()
    floor = (FLOOR_SHARE * usual.abs()).clip(lower=1e-6)
    expected = expected_use(series)
    residual = _log_ratio(use, expected, floor)
    spread = ROBUST * residual.abs().shift(1).rolling(RECENT_DAYS, min_periods=5).median()
    metric = use.columns.get_level_values("metric")
    against_fleet = residual - fleet_median(residual.to_numpy(), metric)
    share = _log_ratio(use.rolling(7, min_periods=3).mean(), before.shift(6).rolling(28, min_periods=7).mean(), floor)
    longer = _log_ratio(
        use.rolling(14, min_periods=7).mean(), before.shift(13).rolling(42, min_periods=7).mean(), floor
    )
    features = {
        "ratio_to_same_day_type": residual,
        "robust_z": residual / (spread + 0.05),
        "ratio_against_fleet": against_fleet,
        "robust_z_against_fleet": against_fleet / (spread + 0.05),
        "change_from_yesterday": _log_ratio(use, before, floor),
        "change_from_last_week": _log_ratio(use, use.shift(7), floor),
        "level_7_to_28_days": share,
        "level_14_to_42_days": longer,
        "level_7_to_28_days_against_fleet": share - fleet_median(share.to_numpy(), metric),
        "zero_run_days": _run_length(use == 0),
        "usual_share_of_zeros": (before == 0).where(before.notna()).astype(float).rolling(RECENT_DAYS, 3).mean(),
        "same_value_run_days": _run_length((use == before) & (use != 0)),
        "event_count_ratio": series.event_count / series.event_count.shift(1).rolling(RECENT_DAYS, 3).median(),
    }
    return {name: np.asarray(values, dtype=np.float64) for name, values in features.items()}


def expected_use(series: Series) -> pd.DataFrame:
    """Median of the same kind of day (working day, weekend) over the eight weeks before, in the metric's unit.

    Where there are fewer than two such days, the median of all days before.
    """
    use = series.quantity
    weekend = np.broadcast_to(np.asarray(series.dates.dayofweek >= 5)[:, None], use.shape)
    of_kind = [_median_before(use.where(kind), 2).where(kind) for kind in (weekend, ~weekend)]
    return of_kind[0].fillna(of_kind[1]).fillna(_median_before(use, 3))


def known_days(series: Series) -> Floats:
    """How many of the four weeks before each date have use on record."""
    known = series.quantity.notna().shift(1, fill_value=False)
    return np.asarray(known.rolling(RECENT_DAYS, 1).sum(), dtype=np.float64)


def _median_before(use: pd.DataFrame, least: int) -> pd.DataFrame:
    return use.shift(1).rolling(HISTORY_DAYS, min_periods=least).median()


def _log_ratio(value: pd.DataFrame, reference: pd.DataFrame, floor: pd.DataFrame) -> pd.DataFrame:
    """Log of the ratio, tame near zero and defined for use below zero (fed back)."""
    ratio = (value.clip(lower=0) + floor) / (reference.clip(lower=0) + floor)
    return ratio.apply(np.log)


def _run_length(condition: pd.DataFrame) -> Floats:
    """Days in a row, up to and with each date, on which the condition held."""
    lengths = np.zeros(condition.shape)
    running = np.zeros(condition.shape[1])
    for position, holds in enumerate(condition.to_numpy()):
        running = np.where(holds, running + 1, 0)
        lengths[position] = running
    return lengths
