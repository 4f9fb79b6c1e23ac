"""What the forecast looks at: the use of a period so far, on each of its days, and what days like those left used."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.series import Floats, Series, fleet_median, positions

RECENT_DAYS = 28
# A register's glitch must not set the scale of a month: use above this many times the recent median counts as that.
GLITCH_FACTOR = 8.0
FEATURES = [
    "baseline",
    "days_elapsed",
    "days_left",
    "weekend_share_left",
    "period_to_date",
    "last_7_days",
    "last_day",
    "level_7_to_28_days",
    "fleet_level_7_to_28_days",
    "variation",
    "zero_share",
    "known_days",
]
LEAST_SHARE = 0.1
# Known use of the days left that is needed to call a period's outcome known.
KNOWN_SHARE = 0.9


def outlooks(series: Series, rows: pd.DataFrame) -> pd.DataFrame:
    """One row per snapshot row: the view from the end of that day to the end of its period.

    Args:
        series: use by date and series; dates after a row's own are not looked at, except for `outcome`.
        rows: snapshot rows; their period's bounds are local dates, the end exclusive.

    Returns:
        FEATURES (use per day relative to `scale`), `scale` (mean daily use of four weeks, in the metric's unit),
        `used_quantity` (period to date), and `outcome`: what each day left used on average, relative to `scale`; NaN
        unless at least nine tenths of those days are known.
    """
    use = _without_glitches(series.quantity)
    dates, columns = positions(series, rows)
    starts = _date_positions(series, rows["period_start_date"])
    ends = _date_positions(series, rows["period_end_date"])
    wide = _wide(series, use)
    found = pd.DataFrame({name: values[dates, columns] for name, values in wide.items()}, index=rows.index)
    days_left = (ends - dates - 1).astype(float)
    scale = found.pop("scale").where(lambda mean: mean > 0, 1.0)
    baseline, weekend_share = _days_alike(series, use, dates, columns, ends)
    used = _sum_between(series.quantity, starts, dates + 1, columns)
    known = _sum_between(use.notna(), starts, dates + 1, columns)
    relative = found[["last_7_days", "last_day", "variation"]].div(scale, axis=0)
    found = found.assign(
        **relative,
        scale=scale,
        baseline=baseline / scale,
        days_elapsed=dates - starts + 1.0,
        days_left=days_left,
        weekend_share_left=weekend_share,
        period_to_date=used / np.maximum(known, 1) / scale,
        used_quantity=used,
        outcome=_outcome(series, dates, columns, ends) / scale,
    )
    return found[[*FEATURES, "scale", "used_quantity", "outcome"]]


def _without_glitches(use: pd.DataFrame) -> pd.DataFrame:
    limit = GLITCH_FACTOR * use.rolling(RECENT_DAYS, min_periods=3).median()
    return use.where(~(use > limit) | ~(limit > 0), limit)


def _wide(series: Series, use: pd.DataFrame) -> dict[str, Floats]:
    recent = use.rolling(RECENT_DAYS, min_periods=1)
    week = use.rolling(7, min_periods=1).mean()
    # After weeks of nothing the recent mean is no scale to measure by; what the series ever used still is.
    mean = recent.mean()
    scale = mean.clip(lower=LEAST_SHARE * use.expanding().mean())
    level = (week / scale.where(scale > 0)).to_numpy()
    return {
        "scale": scale.to_numpy(),
        "last_7_days": week.to_numpy(),
        "last_day": use.to_numpy(),
        "level_7_to_28_days": level,
        "fleet_level_7_to_28_days": fleet_median(level, use.columns.get_level_values("metric")),
        "variation": recent.std().to_numpy(),
        "zero_share": (use == 0).where(use.notna()).astype(float).rolling(RECENT_DAYS, 1).mean().to_numpy(),
        "known_days": np.asarray(use.notna().rolling(RECENT_DAYS, 1).sum(), dtype=np.float64),
    }


def _days_alike(
    series: Series,
    use: pd.DataFrame,
    dates: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    ends: npt.NDArray[np.intp],
) -> tuple[Floats, Floats]:
    """Mean use a day if days left are like the same weekdays of four weeks, and the weekends' share of them."""
    weekday = np.asarray(series.dates.dayofweek)
    overall = use.rolling(RECENT_DAYS, min_periods=1).mean()
    total, left = np.zeros(len(dates)), np.maximum(ends - dates - 1, 1)
    weekend = np.zeros(len(dates))
    for day in range(7):
        of_day = use.where(np.broadcast_to((weekday == day)[:, None], use.shape))
        mean = of_day.rolling(RECENT_DAYS, min_periods=1).mean().fillna(overall).to_numpy()[dates, columns]
        count = _weekdays_between(weekday[dates], ends - dates - 1, day)
        total += np.where(count > 0, mean * count, 0.0)
        weekend += count if day >= 5 else 0
    return total / left, weekend / left


def _weekdays_between(weekday: npt.NDArray[np.intp], days_left: npt.NDArray[np.intp], day: int) -> npt.NDArray[np.intp]:
    """How often the weekday `day` occurs among the `days_left` days that follow a day of weekday `weekday`."""
    first = (day - weekday - 1) % 7
    return np.where(days_left > first, (days_left - first - 1) // 7 + 1, 0)


def _outcome(
    series: Series, dates: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]
) -> Floats:
    stop = np.minimum(ends, len(series.dates))
    known = _sum_between(series.quantity.notna(), dates + 1, stop, columns)
    left = ends - dates - 1
    enough = (left > 0) & (known >= KNOWN_SHARE * left)
    mean = _sum_between(series.quantity, dates + 1, stop, columns) / np.maximum(known, 1)
    return np.where(enough, mean, np.nan)


def _sum_between(
    wide: pd.DataFrame, first: npt.NDArray[np.intp], stop: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> Floats:
    """Sum over the date positions [first, stop) of each row's series; unknown days count as nothing."""
    running = np.vstack([np.zeros(wide.shape[1]), np.nancumsum(wide.to_numpy(dtype=np.float64), axis=0)])
    inside = [np.clip(bound, 0, len(wide)) for bound in (first, stop)]
    return np.asarray(running[inside[1], columns] - running[inside[0], columns])


def _date_positions(series: Series, dates: pd.Series) -> npt.NDArray[np.intp]:
    """Positions on the series' calendar, also before its first and after its last date."""
    return np.asarray((pd.to_datetime(dates) - series.dates[0]).dt.days, dtype=np.intp)
