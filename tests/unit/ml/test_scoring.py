"""Scores have names of their own, and a model is made of trusted types only."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.tree import DecisionTreeClassifier

from ml.anomaly import FOLD, AnomalyDetector
from ml.folds import FOLDS, folds
from ml.registry import TRUSTED_TYPES, files_sha256
from ml.scoring import Origin, periods_to_score, score_id

ORIGIN = Origin("meterline-anomaly", "3", "run", "a" * 64, "b" * 64)
SUBJECT = ("acme", "m-1", "energy", "acme:2019-02-01", "2019-02-05")


def test_a_score_is_named_by_model_version_snapshot_and_subject():
    text = json.dumps(["meterline-anomaly", "3", "b" * 64, *SUBJECT])
    assert score_id(ORIGIN, SUBJECT) == "SCR-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def test_the_digest_of_files_covers_names_and_contents(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a.txt").write_bytes(b"one")
    (tmp_path / "b" / "c.txt").write_bytes(b"two")
    lines = "".join(
        f"{name}\0{hashlib.sha256(content).hexdigest()}\n" for name, content in (("a.txt", b"one"), ("b/c.txt", b"two"))
    )
    before = files_sha256(tmp_path)
    assert before == hashlib.sha256(lines.encode()).hexdigest()
    (tmp_path / "a.txt").rename(tmp_path / "d.txt")
    assert files_sha256(tmp_path) != before


def test_a_model_of_another_type_is_not_loaded(tmp_path):
    tree = DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1])
    skops.io.dump(tree, tmp_path / "model.skops")
    with pytest.raises(TypeError, match="Untrusted types"):
        skops.io.load(tmp_path / "model.skops", trusted=TRUSTED_TYPES)


def test_a_device_is_judged_by_the_classifier_that_has_not_seen_it():
    rng = np.random.default_rng(0)
    features = pd.DataFrame({"x": rng.normal(size=800), FOLD: np.arange(800) % FOLDS})
    truth = (features["x"] > 1).to_numpy()
    # In fold 0 the truth is turned round; whoever judges fold 0 must not have learnt that.
    turned = np.where(features[FOLD] == 0, ~truth, truth)
    detector = AnomalyDetector(iterations=30).fit(features, turned)
    probe = pd.DataFrame({"x": [2.0, -2.0], FOLD: [0, 0]})
    high, low = detector.predict(probe)
    assert high > 0.8
    assert low < 0.2
    effects = detector.effects(probe)
    assert list(effects.columns) == ["x"]
    assert effects["x"].iloc[0] > 0.5


def test_all_metrics_of_a_device_are_in_one_fold():
    names = [("acme", f"m-{number}", metric) for number in range(50) for metric in ("energy", "gas")]
    found = folds(pd.MultiIndex.from_tuples(names, names=["tenant_id", "device_id", "metric"]))
    assert (found[::2] == found[1::2]).all()
    assert set(found) == set(range(FOLDS))


def test_only_open_periods_of_devices_that_report_are_forecast():
    rows = pd.DataFrame(
        [
            ["m-open", "2019-03-08", "2019-04-01"],
            ["m-open", "2019-03-09", "2019-04-01"],
            ["m-silent", "2019-03-02", "2019-04-01"],
            ["m-over", "2019-03-09", "2019-03-10"],
        ],
        columns=["device_id", "local_date", "period_end_date"],
    ).assign(tenant_id="acme", metric="energy")
    chosen = periods_to_score(rows)
    assert list(zip(chosen["device_id"], chosen["local_date"], strict=True)) == [("m-open", "2019-03-09")]
