"""Scores the newest snapshot with the serving models; the scores gate stands between a candidate and finance.scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from expectations.runner import Judgement, judge
from expectations.scores import SCORES
from orchestration import gatekeeping, model_records
from orchestration.errors import MeterlineError
from orchestration.gatekeeping import Verdicts
from orchestration.model_records import ALIAS, ServingVersion, Snapshot
from orchestration.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from ml.registry import Registry

COLUMNS = (
    "score_id, model_name, model_version, run_id, artifact_sha256, snapshot_sha256, mode, cohort, tenant_id, device_id,"
    " metric, period_id, subject_date, horizon_days, score, threshold, is_flagged, observed_quantity,"
    " predicted_quantity, lower_quantity, upper_quantity, first_event_at, last_event_at, event_count, explanation"
)
CLEAR = "delete from store.score_candidates"
OFFER = f"copy store.score_candidates ({COLUMNS}) from stdin"
MEASURES = "select * from ml.score_candidates order by score_id"
PUBLISH = f"""
with published as (
    insert into store.scores ({COLUMNS})
    select {COLUMNS} from store.score_candidates where score_id <> all(%s)
    on conflict (score_id) do nothing
    returning model_name
)
select model_name, count(*) from published group by model_name
"""
# What was last said about a subject by this very version.
SCORED = """
select distinct on (tenant_id, device_id, metric, period_id, subject_date)
    tenant_id, device_id, metric, period_id, subject_date::text as local_date,
    observed_quantity::double precision as scored_quantity, event_count as scored_event_count
from store.scores
where model_name = %s and model_version = %s
order by tenant_id, device_id, metric, period_id, subject_date, scored_at desc
"""


@dataclass(frozen=True)
class ScoringResult:
    """What a scoring came to: rows published by model, what the gate said, and the versions that spoke."""

    snapshot: Snapshot
    versions: tuple[ServingVersion, ...]
    published: dict[str, int]
    flagged: int
    judgement: Judgement
    verdicts: Verdicts


def score(session: psycopg.Connection, settings: Settings, span_days: int) -> ScoringResult:
    """Score days and open periods in the session's transaction; a subject is scored again only when its use changed.

    Raises MeterlineError, with nothing written, when alias and record disagree or an artifact or the snapshot is not
    what was recorded.
    """
    from ml import anomaly_training, forecast_training, scoring

    model_records.take_turn(session)
    snapshot = model_records.newest_snapshot(session)
    rows = model_records.rows_of(settings, snapshot.sha256)
    registry = model_records.registry(settings)
    detector, anomaly = _verified(session, registry, anomaly_training.NAME)
    forecaster, forecast = _verified(session, registry, forecast_training.NAME)
    days = _unscored(session, anomaly, scoring.days_to_score(rows, span_days), lambda known: known["quantity"])
    periods = scoring.periods_to_score(rows)
    origins = [_origin(version, snapshot) for version in (anomaly, forecast)]
    candidates = [scoring.score_days(detector, rows, days, origins[0])] if len(days) else []
    if len(periods):
        expected = scoring.score_periods(forecaster, rows, periods, origins[1])
        candidates.append(_unscored(session, forecast, expected, lambda known: known["observed_quantity"]))
    session.execute(CLEAR)
    for frame in candidates:
        offer(session, frame)
    judgement, verdicts, published = publish(session, f"scoring of snapshot {snapshot.sha256[:12]}")
    flagged = sum(int(frame["is_flagged"].sum()) for frame in candidates)
    return ScoringResult(snapshot, (anomaly, forecast), published, flagged, judgement, verdicts)


def _verified(session: psycopg.Connection, registry: Registry, model_name: str) -> tuple[Any, ServingVersion]:
    """The serving estimator, once record, alias and artifact were found to agree."""
    version = model_records.serving_version(session, model_name)
    if version is None:
        raise MeterlineError(f"{model_name} was never trained: run `meterline train` first")
    named = registry.version_of(model_name, ALIAS)
    if named != version.version:
        raise MeterlineError(
            f"alias {ALIAS!r} of {model_name} names version {named} in the registry, but the record of promotions says "
            f"{version.version}: find out who moved it; `meterline train` sets it back"
        )
    with model_records.evidence_errors():
        return registry.load(model_name, version.version, version.artifact_sha256), version


def _origin(version: ServingVersion, snapshot: Snapshot) -> Any:
    from ml.scoring import Origin

    return Origin(version.model_name, version.version, version.run_id, version.artifact_sha256, snapshot.sha256, ALIAS)


def _unscored(
    session: psycopg.Connection,
    version: ServingVersion,
    subjects: pd.DataFrame,
    quantity: Callable[[pd.DataFrame], pd.Series],
) -> pd.DataFrame:
    """Subjects that this version has not scored, or whose use is no longer what it saw."""
    import numpy as np
    import pandas as pd

    with session.cursor() as cursor:
        found = cursor.execute(SCORED, (version.model_name, version.version)).fetchall()
        names = [column.name for column in cursor.description or ()]
    compared = subjects.reset_index(drop=True).merge(pd.DataFrame(found, columns=names), how="left", on=names[:5])
    # Scores keep ten decimals of what may have been a float.
    same = np.isclose(quantity(compared).astype(float), compared["scored_quantity"].astype(float), rtol=1e-9, atol=1e-9)
    same &= (compared["event_count"] == compared["scored_event_count"]).to_numpy()
    return subjects[~same]


def offer(session: psycopg.Connection, candidates: pd.DataFrame) -> None:
    """Put candidates before the gate."""
    names = COLUMNS.replace(" ", "").split(",")
    plain = candidates[names].astype(object).where(candidates[names].notna(), None)
    with session.cursor().copy(OFFER) as copy:
        for row in plain.itertuples(index=False):
            copy.write_row(row)


def publish(session: psycopg.Connection, occasion: str) -> tuple[Judgement, Verdicts, dict[str, int]]:
    """Let the gate judge the candidates and publish what it does not hold; returns what was published, by model."""
    judgement = judge(SCORES, gatekeeping.measures(session, MEASURES))
    verdicts = gatekeeping.record(session, judgement, occasion, lists_passed=False)
    held = sorted({finding.subject for finding in verdicts.held})
    return judgement, verdicts, dict(session.execute(PUBLISH.encode(), (held,)).fetchall())
