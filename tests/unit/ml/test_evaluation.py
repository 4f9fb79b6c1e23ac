"""Measures of quality, by hand."""

import math

import pytest

from ml.evaluation import coverage, in_quota, precision_in_quota, quota_threshold, recall_of_events, wape


def test_a_quota_takes_the_highest_scores_and_of_equals_the_earlier():
    assert list(in_quota([0.1, 0.9, 0.9, 0.2], 500)) == [1, 2]
    assert list(in_quota([0.5, 0.5, 0.5], 400)) == [0]
    assert list(in_quota([0.5, 0.4], 1)) == [0]  # at least one is looked at


def test_precision_and_recall_within_the_quota():
    scores = [0.9, 0.8, 0.7, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    # Three of ten are looked at, two of them are cases.
    assert precision_in_quota(scores, [1, 0, 1, 1, 0, 0, 0, 0, 0, 0], 300) == pytest.approx(2 / 3)
    # Events 7 (two days, one found), 8 (found) and 9 (missed).
    assert recall_of_events(scores, [7, 0, 8, 7, 9, 0, 0, 0, 0, 0], 300) == pytest.approx(2 / 3)
    assert math.isnan(recall_of_events([0.5], [0], 1000))


def test_the_threshold_is_the_least_score_within_the_quota():
    assert quota_threshold([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0], 200) == 0.8


def test_wape_weighs_errors_by_the_total():
    # |100 - 90| + |300 - 330| = 40 of 400.
    assert wape([100, 300], [90, 330]) == pytest.approx(0.1)
    assert math.isnan(wape([0, 0], [1, 1]))


def test_coverage_counts_the_ends_of_an_interval():
    assert coverage([1, 2, 3, 4], [1, 3, 0, 0], [2, 4, 3, 3]) == 0.5
