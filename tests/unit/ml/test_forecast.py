"""The view from a day to the end of its period, by hand; and what the forecast promises of its quantiles."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.forecast import PeriodForecaster
from ml.horizon import FEATURES, outlooks
from ml.series import from_rows

# Two weeks from Monday 4 February, 10 on working days and 3 at the weekend, in a period to 18 February (exclusive).
WEEK = [10, 10, 10, 10, 10, 3, 3]


def rows_of(uses: list[float]) -> pd.DataFrame:
    dates = pd.date_range("2019-02-04", periods=len(uses)).strftime("%Y-%m-%d")
    return pd.DataFrame(
        {
            "tenant_id": "acme", "device_id": "m-0", "metric": "energy", "local_date": dates,
            "period_start_date": "2019-02-04", "period_end_date": "2019-02-18",
            "quantity": [str(use) for use in uses], "event_count": 24,
        }
    )  # fmt: skip


def test_the_view_from_a_day():
    rows = rows_of(WEEK + WEEK)
    views = outlooks(from_rows(rows), rows)
    sunday = views.iloc[6]  # the first week is over: 56 used, of 8 a day
    assert sunday["used_quantity"] == 56
    assert sunday["scale"] == 8
    assert (sunday["days_elapsed"], sunday["days_left"]) == (7, 7)
    assert sunday["baseline"] == 1  # a week like the last
    assert sunday["outcome"] == 1
    assert sunday["weekend_share_left"] == pytest.approx(2 / 7)
    tuesday = views.iloc[8]  # Wednesday to Sunday are left: three working days and the weekend
    assert tuesday["days_left"] == 5
    assert tuesday["baseline"] * tuesday["scale"] * 5 == pytest.approx(36)
    assert views.iloc[13]["days_left"] == 0


def test_an_outcome_is_known_only_when_nearly_all_days_are():
    rows = rows_of(WEEK + WEEK)
    views = outlooks(from_rows(rows.iloc[:13]), rows.iloc[:13])
    assert np.isnan(views["outcome"].iloc[6])  # six of seven days: not nine tenths


def test_a_glitch_does_not_set_the_scale():
    rows = rows_of([*WEEK, 100_000, *WEEK[1:]])
    views = outlooks(from_rows(rows), rows)
    assert views.iloc[7]["scale"] == pytest.approx((56 + 80) / 8)  # eight times the median of 10
    assert views.iloc[7]["used_quantity"] == 100_056  # what was metered stays what it was


def random_views(seed: int, count: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    views = pd.DataFrame(rng.uniform(0.2, 2, size=(count, len(FEATURES))), columns=FEATURES)
    return views.assign(days_elapsed=rng.integers(1, 30, count), known_days=rng.integers(0, 29, count))


@pytest.fixture(scope="module")
def forecaster():
    views = random_views(0, 1500)
    return PeriodForecaster(iterations=15).fit(views, views["baseline"] * np.linspace(0.5, 1.6, 1500))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), widening=st.floats(0, 3))
def test_quantiles_are_ordered_and_never_below_zero(forecaster, seed, widening):
    forecaster.widen(widening)
    low, middle, high = forecaster.predict(random_views(seed, 40)).T
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert (low >= 0).all()


def test_short_history_and_blocks_given_up_get_the_baseline(forecaster):
    views = random_views(1, 200)
    forecaster.widen(0)
    short = views.assign(known_days=13)
    assert not forecaster.uses_model(short).any()
    np.testing.assert_allclose(forecaster.predict(short)[:, 1], short["baseline"])
    assert forecaster.uses_model(views.assign(known_days=14, days_elapsed=10)).all()
    forecaster.serve_baseline_in([1])
    assert not forecaster.uses_model(views.assign(known_days=28, days_elapsed=14)).any()
    assert forecaster.uses_model(views.assign(known_days=28, days_elapsed=15)).all()
    forecaster.serve_baseline_in([])


def test_with_too_little_to_learn_from_the_baseline_speaks_with_a_wide_interval():
    views = random_views(2, 100)
    untaught = PeriodForecaster().fit(views, views["baseline"])
    np.testing.assert_allclose(untaught.predict(views), views["baseline"].to_numpy()[:, None] * [0.5, 1, 2])
