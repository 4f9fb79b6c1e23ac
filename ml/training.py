"""What training yields, whichever model it is, and what both models share: one thread, a sample, a seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ml.folds import number_of

# More series than these teach a global model nothing new; which ones is decided by their names, not by chance.
GREATEST_SERIES_COUNT = 2000


@dataclass(frozen=True)
class Trained:
    """A fitted estimator with what is logged beside it; `example` holds feature rows with which it can be tried."""

    model_name: str
    estimator: Any
    example: pd.DataFrame
    parameters: dict[str, Any]
    metrics: dict[str, float]
    card: str
    notes: list[str] = field(default_factory=list)


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums in parallel threads are added up in varying order; one thread gives the same model every time."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def sampled(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of at most GREATEST_SERIES_COUNT series."""
    names = rows["tenant_id"] + "/" + rows["device_id"] + "/" + rows["metric"]
    series = names.drop_duplicates()
    if len(series) <= GREATEST_SERIES_COUNT:
        return rows
    chosen = sorted(series, key=number_of)[:GREATEST_SERIES_COUNT]
    return rows[names.isin(chosen)]
