"""Models on a real database and a real registry: trained, served, refused, gated, traced."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from unittest import mock

import pandas as pd
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from orchestration import model_records, scoring, tracing_scores, training
from orchestration.database.connection import connect
from orchestration.doctor.examination import examine, subject_of
from orchestration.doctor.examinations import EXAMINATIONS
from orchestration.errors import BadInputError, MeterlineError
from orchestration.model_records import ROLE
from tests.support import Pipeline, message

METERS = [f"m-{number:02}" for number in range(14)]
# From 1 January to 10 March, which is not over when the last message comes: two finished periods and an open one.
DAYS = [date(2019, 1, 1) + timedelta(days=day) for day in range(69)]
SPAN_DAYS = 30
FLOOD = date(2019, 2, 27)


def use_of(meter: int, day: date, random_: random.Random) -> str:
    """A daily use with a weekly pattern; meter 3 uses twelve times as much on one day."""
    usual = (20 + meter) * (0.6 if day.weekday() >= 5 else 1.0) * random_.uniform(0.95, 1.05)
    return f"{usual * (12 if meter == 3 and day == FLOOD else 1):.3f}"


@pytest.fixture(scope="module")
def trained(shared_pipeline: Pipeline) -> Pipeline:
    """Fourteen meters with one message a day, both models trained."""
    random_ = random.Random(1)
    shared_pipeline.tenant("acme", *METERS)
    shared_pipeline.land(
        *(
            message("acme", meter, number, use_of(which, day, random_), f"{day}T12:00")
            for which, meter in enumerate(METERS)
            for number, day in enumerate(DAYS, start=1)
        )
    )
    shared_pipeline.process()
    pipeline_train(shared_pipeline)
    return shared_pipeline


@pytest.fixture
def platform(trained: Pipeline, new_pipeline: Callable[..., Pipeline]) -> Pipeline:
    """A copy of the trained platform; the artifacts are those of the original."""
    # The registry's pool keeps connections, and a database with connections cannot be copied.
    trained.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    copy = new_pipeline(like=trained)
    copy.settings = replace(copy.settings, artifacts_url=trained.settings.artifacts.absolute().as_uri())
    return copy


def pipeline_train(pipeline: Pipeline, *, retrain: bool = False) -> list[training.TrainingResult]:
    """What the job train_models does."""
    from ml import anomaly_training, forecast_training

    made = []
    with connect(pipeline.settings, ROLE) as session:
        model_records.take_snapshot(session, pipeline.settings, 400)
    for module in (anomaly_training, forecast_training):
        with connect(pipeline.settings, ROLE) as session:
            made.append(training.train(session, pipeline.settings, module, "run-1", retrain=retrain))
    return made


def pipeline_score(pipeline: Pipeline) -> dict[str, int]:
    """What the job score_usage does after its snapshot; returns what was published."""
    with connect(pipeline.settings, ROLE) as session:
        return scoring.score(session, pipeline.settings, SPAN_DAYS).published


def serving(pipeline: Pipeline, name: str) -> model_records.ServingVersion:
    with connect(pipeline.settings, ROLE) as session:
        found = model_records.serving_version(session, name)
    assert found is not None
    return found


def model_file(pipeline: Pipeline, version: str) -> Path:
    """The stored estimator of a version of the anomaly model."""
    (place,) = pipeline.rows(
        "select logged.artifact_location from mlflow.logged_models as logged"
        " inner join mlflow.model_versions as v on v.source like '%%' || logged.model_id"
        " where v.name = 'meterline-anomaly' and v.version = %s",
        int(version),
    )
    return Path(place[0].removeprefix("file://")) / "model.skops"


def test_a_version_carries_everything_needed_to_judge_it(trained: Pipeline) -> None:
    version = serving(trained, "meterline-anomaly")
    tags = dict(
        trained.rows(
            "select key, value from mlflow.model_version_tags where name = 'meterline-anomaly' and version = 1"
        )
    )
    assert tags["snapshot_sha256"] == version.snapshot_sha256
    assert tags["artifact_sha256"] == version.artifact_sha256
    assert tags["dagster_run_id"] == "run-1"
    assert tags["validation_status"] == "pending"
    assert trained.rows("select distinct digest from mlflow.datasets") == [(version.snapshot_sha256[:36],)]
    metrics = dict(trained.rows("select key, value from mlflow.latest_metrics where run_uuid = %s", version.run_id))
    assert {"average_precision_model", "average_precision_isolation_forest_on_raw", "threshold"} <= set(metrics)
    folder = Path(str(trained.settings.artifacts))
    assert "What it cannot do" in (folder / version.run_id / "artifacts" / "model_card.md").read_text()
    described = model_file(trained, "1").with_name("MLmodel").read_text()
    assert "signature:" in described
    assert not list(folder.rglob("*.pkl"))


def test_the_registry_works_as_the_role_that_scores(trained: Pipeline) -> None:
    owners = trained.rows("select distinct tableowner from pg_tables where schemaname = 'mlflow'")
    assert owners == [(ROLE,)]


def test_training_again_from_the_same_data_makes_nothing_new(platform: Pipeline) -> None:
    made = pipeline_train(platform)
    assert [result.is_new for result in made] == [False, False]
    assert platform.rows("select count(*) from store.model_versions") == [(2,)]
    assert platform.rows("select count(*) from store.feature_snapshots") == [(1,)]


def test_trained_twice_from_the_same_data_both_versions_predict_the_same(platform: Pipeline) -> None:
    from ml.anomaly_training import days_of
    from ml.forecast_training import known_outlooks
    from ml.injection import seed_faults
    from ml.series import from_rows

    rows = model_records.rows_of(platform.settings, serving(platform, "meterline-anomaly").snapshot_sha256)
    probes = {
        "meterline-anomaly": days_of(seed_faults(from_rows(rows), 5, 0.05)).features,
        "meterline-forecast": known_outlooks(rows),
    }
    before = {name: serving(platform, name) for name in probes}
    assert [result.is_new for result in pipeline_train(platform, retrain=True)] == [True, True]
    registry = model_records.registry(platform.settings)
    for name, probe in probes.items():
        after = serving(platform, name)
        assert (before[name].version, after.version) == ("1", "2")
        first, second = (registry.load(name, v.version, v.artifact_sha256) for v in (before[name], after))
        pd.testing.assert_frame_equal(
            pd.DataFrame(first.predict(probe)), pd.DataFrame(second.predict(probe)), check_exact=True
        )


def test_days_and_open_periods_are_scored_once(platform: Pipeline) -> None:
    assert pipeline_score(platform) == {
        "meterline-anomaly": SPAN_DAYS * len(METERS),
        "meterline-forecast": len(METERS),
    }
    before = platform.rows("select * from finance.scores order by score_id")
    assert pipeline_score(platform) == {}
    assert platform.rows("select * from finance.scores order by score_id") == before

    flood = platform.rows(
        "select is_flagged, observed_quantity::float, event_count, explanation from finance.scores"
        " where device_id = 'm-03' and subject_date = %s",
        FLOOD,
    )[0]
    assert flood[0]
    assert flood[2] == 1
    assert flood[3]["observed"] == pytest.approx(flood[1], rel=1e-5)
    assert 20 < flood[3]["expected"] < 26  # meter 3 uses about 23 on a working day
    assert len(flood[3]["reasons"]) == 3
    forecasts = platform.rows(
        "select horizon_days, observed_quantity, lower_quantity, predicted_quantity, upper_quantity, event_count,"
        " first_event_at::date, period_id from finance.scores where model_name = 'meterline-forecast'"
    )
    for horizon, used, lower, middle, upper, events, first, period in forecasts:
        assert used <= lower <= middle <= upper
        # 9 March is the last complete day; of March's 31 days 22 are left.
        assert (horizon, events, first, period) == (22, 9, date(2019, 3, 1), "acme:2019-03-01")


def test_a_day_whose_use_was_restated_is_scored_anew(platform: Pipeline) -> None:
    pipeline_score(platform)
    platform.land(message("acme", "m-00", 1000, 5, "2019-02-20T18:00", "2019-02-20T18:00:01"))
    platform.process()
    with connect(platform.settings, ROLE) as session:
        model_records.take_snapshot(session, platform.settings, 400)
    assert pipeline_score(platform) == {"meterline-anomaly": 1}
    counts = platform.rows(
        "select event_count from finance.scores where device_id = 'm-00' and subject_date = '2019-02-20'"
        " order by scored_at"
    )
    assert counts == [(1,), (2,)]


def test_a_changed_artifact_does_not_score(platform: Pipeline) -> None:
    pipeline_score(platform)
    ((score_id,),) = platform.rows("select min(score_id) from finance.scores where model_name = 'meterline-anomaly'")
    platform.execute("alter table store.scores disable trigger append_only; delete from store.scores")
    stored = model_file(platform, "1")
    whole = stored.read_bytes()
    try:
        stored.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        with pytest.raises(MeterlineError, match=r"artifact of meterline-anomaly version 1 has digest .* restore"):
            pipeline_score(platform)
    finally:
        stored.write_bytes(whole)
    assert platform.rows("select count(*) from store.scores") == [(0,)]
    pipeline_score(platform)
    assert platform.rows("select count(*) from store.scores where score_id = %s", score_id) == [(1,)]


def test_an_alias_that_somebody_moved_does_not_score_until_it_is_set_back(platform: Pipeline) -> None:
    pipeline_train(platform, retrain=True)
    model_records.registry(platform.settings).set_alias("meterline-forecast", "shadow", "1")
    with pytest.raises(MeterlineError, match=r"'shadow' of meterline-forecast names version 1 .* says 2"):
        pipeline_score(platform)
    assert platform.rows("select count(*) from store.scores") == [(0,)]

    assert pipeline_train(platform)[1].notes == [
        "alias 'shadow' of meterline-forecast named version 1, the record says 2: it was set back"
    ]
    assert sum(pipeline_score(platform).values()) > 0


def test_the_doctor_sees_an_alias_that_was_moved_and_files_that_are_gone(platform: Pipeline) -> None:
    assert serving_by_the_doctor(platform) == (
        "well",
        "meterline-anomaly version 1, meterline-forecast version 1",
        None,
    )
    pipeline_train(platform, retrain=True)
    model_records.registry(platform.settings).set_alias("meterline-forecast", "shadow", "1")
    assert serving_by_the_doctor(platform) == (
        "attention",
        "version 2 of meterline-forecast should serve as shadow, the registry has 1",
        "`meterline train` sets the alias back",
    )
    pipeline_train(platform)
    assert serving_by_the_doctor(platform)[0] == "well"

    run_id = serving(platform, "meterline-anomaly").run_id
    files = Path(platform.settings.artifacts.path) / run_id
    files.rename(files.with_name("lost"))
    state, finding, remedy = serving_by_the_doctor(platform)
    assert (state, finding) == (
        "attention",
        "the files of version 2 of meterline-anomaly are gone from METERLINE_ARTIFACTS",
    )
    assert str(remedy).startswith(f"restore {run_id} from the backup")
    files.with_name("lost").rename(files)

    platform.execute("create role watchman login; grant meterline_auditor to watchman")
    try:
        watched = Pipeline(
            replace(platform.settings, database_url=make_conninfo(str(platform.settings.database_url), user="watchman"))
        )
        state, _, remedy = serving_by_the_doctor(watched)
        assert state == "not seen"
        platform.execute(str(remedy))
        assert serving_by_the_doctor(watched)[0] == "well"
    finally:
        platform.execute("drop owned by watchman; drop role watchman")


def serving_by_the_doctor(platform: Pipeline) -> tuple[str, str, str | None]:
    """State, finding and remedy of the models that serve."""
    (examination,) = [one for one in EXAMINATIONS if one.name == "serving"]
    with subject_of(platform.settings) as subject:
        (row,) = examine(subject, examination)
    return row.state, row.finding, row.remedy


def test_a_bad_candidate_is_held_and_the_others_are_published(platform: Pipeline) -> None:
    candidates = candidates_of(platform)
    worse = candidates.copy()
    worse.loc[worse.index[0], "lower_quantity"] = float("nan")
    worse.loc[worse.index[1], ["lower_quantity", "upper_quantity"]] = [9e6, 1.0]
    worse.loc[worse.index[2], "lower_quantity"] = 0.5  # less than was used already
    worse.loc[worse.index[3], "event_count"] = 0
    worse.loc[worse.index[4], "artifact_sha256"] = "none"
    with connect(platform.settings, ROLE) as session:
        scoring.offer(session, worse)
        judgement, verdicts, published = scoring.publish(session, "a test")

    ids = list(worse["score_id"])
    broken = {finding.subject: finding.rule for finding in judgement.findings if finding.rule != "use_does_not_shrink"}
    assert broken == {
        ids[0]: "values_are_known",
        ids[1]: "interval_is_ordered",
        ids[3]: "events_are_named",
        ids[4]: "artifact_digest_is_whole",
    }
    assert ids[2] in judgement.held
    assert published == {"meterline-forecast": len(ids) - 5}
    assert {row[0] for row in platform.rows("select score_id from finance.scores")} == set(ids[5:])
    assert verdicts.passed == tuple(sorted(ids[5:]))
    on_record = platform.rows("select subject, verdict from ledger.gate_verdicts where gate = 'scores' order by 1")
    assert on_record == [(subject, "held") for subject in sorted(ids[:5])]


def candidates_of(platform: Pipeline) -> pd.DataFrame:
    """Forecasts of the open periods, as the scoring would offer them."""
    from ml import scoring as ml_scoring

    version = serving(platform, "meterline-forecast")
    rows = model_records.rows_of(platform.settings, version.snapshot_sha256)
    estimator = model_records.registry(platform.settings).load(
        version.model_name, version.version, version.artifact_sha256
    )
    origin = ml_scoring.Origin(
        version.model_name, version.version, version.run_id, version.artifact_sha256, version.snapshot_sha256
    )
    return ml_scoring.score_periods(estimator, rows, ml_scoring.periods_to_score(rows), origin)


def test_a_score_is_followed_to_model_snapshot_and_landing_rows(platform: Pipeline) -> None:
    pipeline_score(platform)
    ((score_id,),) = platform.rows(
        "select score_id from finance.scores where device_id = 'm-03' and subject_date = %s", FLOOD
    )
    with connect(platform.settings, ROLE) as session:
        found = tracing_scores.trace_score(session, platform.settings, score_id, limit=3)
    assert found.problems == []
    assert found.model["alias"] == "shadow -> 1"
    assert found.model["artifact_sha256"] == found.model["artifact_sha256_now"]
    # 1 January to 27 February: 58 days; and the meter is the fourth of the day's file.
    assert found.snapshot["rows_of_subject"] == 58
    assert [row["local_date"] for row in found.snapshot_rows] == ["2019-02-25", "2019-02-26", "2019-02-27"]
    assert [(row["source_file"], row["source_row"]) for row in found.events] == [
        ("region=eu/date=2019-02-27/part-0001.jsonl", 4)
    ]


def test_the_trace_says_what_does_not_match(platform: Pipeline) -> None:
    pipeline_score(platform)
    ((score_id,),) = platform.rows("select min(score_id) from finance.scores where model_name = 'meterline-anomaly'")
    snapshot = Path(platform.rows("select place from store.feature_snapshots")[0][0].removeprefix("file://"))
    stored = model_file(platform, "1")
    whole, kept = stored.read_bytes(), snapshot.read_bytes()
    try:
        stored.write_bytes(whole + b"x")
        pd.read_parquet(snapshot).assign(quantity="0").to_parquet(snapshot, index=False)
        model_records.registry(platform.settings).set_alias("meterline-anomaly", "shadow", "1")
        with connect(platform.settings, ROLE) as session:
            found = tracing_scores.trace_score(session, platform.settings, score_id)
    finally:
        stored.write_bytes(whole)
        snapshot.write_bytes(kept)
    assert [problem.split()[1] for problem in found.problems] == ["artifact", "snapshot"]
    with connect(platform.settings, ROLE) as session, pytest.raises(BadInputError, match="no score 'SCR-none'"):
        tracing_scores.trace_score(session, platform.settings, "SCR-none")


def test_the_role_that_scores_can_write_no_amount(trained: Pipeline) -> None:
    for table in ("store.invoices", "store.invoice_lines", "store.period_closes", "store.closed_usage",
                  "store.slim_events", "store.usage_days", "audit.log", "ledger.close_requests",
                  "config.rate_cards"):  # fmt: skip
        with (
            connect(trained.settings, ROLE) as session,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"),
        ):
            session.execute(f"insert into {table} default values".encode())


def test_the_jobs_of_the_ui_train_and_score(platform: Pipeline) -> None:
    from dagster import DagsterInstance, materialize

    from orchestration.assets.models import anomaly_model, forecast_model, usage_snapshot
    from orchestration.assets.scores import scores
    from orchestration.resources import Platform

    environment = platform.environment() | {"METERLINE_ARTIFACTS": str(platform.settings.artifacts_url)}
    with mock.patch.dict(os.environ, environment), DagsterInstance.ephemeral() as instance:
        result = materialize(
            [usage_snapshot, anomaly_model, forecast_model, scores],
            resources={"platform": Platform()},
            instance=instance,
        )
    assert result.success
    metadata = result.asset_materializations_for_node("store__scores")[0].metadata
    assert metadata["published"].value == {"meterline-anomaly": 62 * 14 - 14, "meterline-forecast": 14}
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("score_gate", True)


def test_without_use_or_training_the_next_step_is_named(pipeline: Pipeline) -> None:
    with connect(pipeline.settings, ROLE) as session:
        with pytest.raises(MeterlineError, match="run `meterline process` first"):
            model_records.take_snapshot(session, pipeline.settings, 400)
        with pytest.raises(MeterlineError, match="run `meterline train`"):
            scoring.score(session, pipeline.settings, SPAN_DAYS)
