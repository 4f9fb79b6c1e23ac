"""Features of a day, by hand, and their causality."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.features import day_features, expected_use, known_days
from ml.injection import KINDS, seed_faults
from ml.series import Series, from_rows

FIRST = "2019-02-04"  # a Monday


def series(*uses: list[float]) -> Series:
    """Series of one tenant, from a Monday on."""
    dates = pd.date_range(FIRST, periods=len(uses[0]), name="local_date")
    names = [("acme", f"m-{number}", "energy") for number in range(len(uses))]
    columns = pd.MultiIndex.from_tuples(names, names=["tenant_id", "device_id", "metric"])
    quantity = pd.DataFrame(np.array(uses, dtype=float).T, index=dates, columns=columns)
    return Series(quantity, quantity.notna().astype(float))


def test_use_is_expected_as_on_earlier_days_of_the_same_kind():
    week = [10, 10, 10, 10, 10, 2, 4]
    expected = expected_use(series([*week, *week, *week])).iloc[:, 0].to_numpy()
    assert np.isnan(expected[:2]).all()  # two days of the kind have to be known
    assert expected[5] == 10  # the first Saturday knows no other: median of all days
    assert expected[14] == 10  # the third Monday: median of ten working days
    assert expected[19] == 3  # the third Saturday: median of 2, 4, 2, 4


def test_a_day_is_measured_against_what_was_expected():
    uses = [10.0] * 14 + [30.0]
    features = day_features(series(uses, [10.0] * 15))
    # The floor is a twentieth of the mean use of the days before: 0.5.
    assert features["ratio_to_same_day_type"][14, 0] == pytest.approx(np.log(30.5 / 10.5))
    assert features["change_from_yesterday"][14, 0] == pytest.approx(np.log(30.5 / 10.5))
    # The fleet of two moved by half of that in the median.
    assert features["ratio_against_fleet"][14, 0] == pytest.approx(np.log(30.5 / 10.5) / 2)
    assert features["event_count_ratio"][14, 0] == 1


def test_runs_count_days_in_a_row():
    features = day_features(series([0, 0, 3, 3, 3, 0, 0, 0, 1, 0]))
    assert list(features["zero_run_days"][:, 0]) == [1, 2, 0, 0, 0, 1, 2, 3, 0, 1]
    assert list(features["same_value_run_days"][:, 0]) == [0, 0, 0, 1, 2, 0, 0, 0, 0, 0]


def test_a_silent_day_is_not_a_zero():
    known = series([5, float("nan"), 5, 5])
    assert list(known_days(known)[:, 0]) == [0, 1, 1, 2]
    assert day_features(known)["zero_run_days"][1, 0] == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(min_value=1, max_value=39), st.floats(min_value=0, max_value=1e6))
def test_no_feature_looks_ahead(day, later):
    rng = np.random.default_rng(3)
    uses = rng.uniform(1, 20, size=(2, 40))
    before = day_features(series(*uses))
    uses[:, day:] = later
    after = day_features(series(*uses))
    for name in before:
        np.testing.assert_array_equal(before[name][:day], after[name][:day], err_msg=name)


def test_faults_are_where_the_use_was_changed_and_the_same_every_time():
    clean = series(*np.random.default_rng(1).uniform(5, 15, size=(6, 90)))
    seeded = seed_faults(clean, 11, 0.02)
    again = seed_faults(clean, 11, 0.02)
    changed = np.abs(seeded.series.quantity - clean.quantity).to_numpy() > 0
    assert seeded.is_faulty.any()
    assert (changed | ~seeded.is_faulty).all()
    pd.testing.assert_frame_equal(seeded.series.quantity, again.series.quantity)
    assert (seed_faults(clean, 12, 0.02).fault != seeded.fault).any()


def test_a_stuck_meter_catches_up():
    clean = series([10.0] * 60)
    seeded = seed_faults(clean, 4, 0.05, kinds=("stuck",))
    assert seeded.is_faulty.any()
    assert seeded.series.quantity.to_numpy().sum() == pytest.approx(600)
    assert set(seeded.kind[seeded.is_faulty]) == {KINDS.index("stuck")}


def test_rows_become_series_and_a_day_of_two_periods_is_added_up():
    rows = pd.DataFrame(
        {
            "tenant_id": "acme",
            "device_id": "m-0",
            "metric": "energy",
            "local_date": ["2019-02-04", "2019-02-06", "2019-02-06"],
            "quantity": ["1.5", "2", "3"],
            "event_count": [1, 2, 3],
        }
    )
    made = from_rows(rows)
    assert list(made.quantity.iloc[:, 0].fillna(-1)) == [1.5, -1, 5]
    assert list(made.event_count.iloc[:, 0].fillna(-1)) == [1, -1, 5]
