"""Daily use side by side: one row per calendar date, one column per series (tenant, device and metric)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
SERIES = ["tenant_id", "device_id", "metric"]


@dataclass(frozen=True)
class Series:
    """Use and event counts by date and series; NaN where nothing is known, because a silent day is not a zero."""

    quantity: pd.DataFrame
    event_count: pd.DataFrame

    @property
    def dates(self) -> pd.DatetimeIndex:
        """Every date from the first to the last, in order."""
        return pd.DatetimeIndex(self.quantity.index)

    def with_quantity(self, quantity: pd.DataFrame) -> Series:
        """The same series with other use."""
        return replace(self, quantity=quantity)

    def select(self, columns: npt.NDArray[np.intp]) -> Series:
        """Some of the series, by their position."""
        return Series(self.quantity.iloc[:, columns], self.event_count.iloc[:, columns])

    def until(self, last: pd.Timestamp) -> Series:
        """The same series as they were known at the end of a date."""
        return Series(self.quantity.loc[:last], self.event_count.loc[:last])


def from_rows(rows: pd.DataFrame) -> Series:
    """Series from snapshot rows (see `ml.snapshot.COLUMNS`); a day that two periods share is added up."""
    numbers = rows[[*SERIES, "event_count"]].assign(
        local_date=pd.to_datetime(rows["local_date"]), quantity=rows["quantity"].astype(float)
    )
    wide = numbers.pivot_table(
        index="local_date", columns=SERIES, values=["quantity", "event_count"], aggfunc="sum", observed=True
    )
    wide = wide.reindex(pd.date_range(wide.index.min(), wide.index.max(), name="local_date"))
    quantity, event_count = (pd.DataFrame(wide[name]).astype(float) for name in ("quantity", "event_count"))
    return Series(quantity, event_count)


def positions(series: Series, rows: pd.DataFrame) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Where each row's day lies in the series: its date's position and its column's."""
    dates = series.dates.get_indexer(pd.DatetimeIndex(pd.to_datetime(rows["local_date"])))
    columns = series.quantity.columns.get_indexer(pd.MultiIndex.from_frame(rows[SERIES]))
    return dates, columns


def gather(wide: dict[str, Floats], dates: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> pd.DataFrame:
    """Values of named date-by-series tables at the given places, one column per table."""
    return pd.DataFrame({name: values[dates, columns] for name, values in wide.items()})


def fleet_median(values: Floats, groups: pd.Index) -> Floats:
    """For every date and series the median of its group (a metric) on that date; NaN where the group is silent."""
    frame = pd.DataFrame(values.T).groupby(np.asarray(groups)).transform("median")
    return frame.to_numpy().T
