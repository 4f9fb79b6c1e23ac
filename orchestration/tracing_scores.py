"""One score back to its model, its snapshot and its events; what does not match what was recorded is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
from upath import UPath

from orchestration import model_records
from orchestration.errors import BadInputError, MeterlineError
from orchestration.model_records import ALIAS, ServingVersion
from orchestration.retention.reading import Asked, archived_events, together
from orchestration.settings import Settings

SCORE = """
select score_id, model_name, model_version, run_id, artifact_sha256, snapshot_sha256, mode, cohort, tenant_id,
    device_id, metric, period_id, subject_date, horizon_days, score, threshold, is_flagged, observed_quantity,
    predicted_quantity, lower_quantity, upper_quantity, first_event_at, last_event_at, event_count, explanation,
    scored_at
from finance.scores
where score_id = %s
"""
VERSION = """
select model_name, model_version, run_id, artifact_sha256, snapshot_sha256, fingerprint_sha256
from store.model_versions
where model_name = %s and model_version = %s
"""
SNAPSHOT_PLACE = """
select place from store.feature_snapshots where snapshot_sha256 = %s order by snapshot_id desc limit 1
"""
STORED = """
select event_id, device_ts, quantity, event_at, received_at, source_file, source_row
from finance.billing_events
where tenant_id = %(tenant_id)s and device_id = %(device_id)s and metric = %(metric)s
    and period_id = %(period_id)s and event_at between %(first_event_at)s and %(last_event_at)s
"""
SHOWN = ("event_id", "quantity", "event_at", "received_at", "source_file", "source_row")


@dataclass(frozen=True)
class ScoreTrace:
    """What stands behind a score, as tables of column-to-value rows; `problems` says what does not match."""

    score: dict[str, Any]
    model: dict[str, Any]
    snapshot: dict[str, Any]
    snapshot_rows: list[dict[str, Any]]
    events: list[dict[str, Any]]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def trace_score(session: psycopg.Connection, settings: Settings, score_id: str, limit: int = 5) -> ScoreTrace:
    """Follow a score to its model version, its snapshot and the first `limit` of its events; digests are computed anew.

    Raises BadInputError when there is no such score, ArchiveError when a file of the archive that has its events is
    missing or was changed.
    """
    found = _rows(session, SCORE, (score_id,))
    if not found:
        raise BadInputError(f"no score {score_id!r}; finance.scores lists them")
    score = found[0]
    problems: list[str] = []
    notes: list[str] = []
    model = _model(session, settings, score, problems, notes)
    snapshot, rows = _snapshot(session, settings, score, problems)
    events, purged = events_behind(session, settings.archive, score)
    notes += purged
    if len(events) != score["event_count"] and not purged:
        notes.append(
            f"the score saw {score['event_count']} events, there are now {len(events)}: use was restated since; "
            "`meterline score` judges it anew"
        )
    return ScoreTrace(score, model, snapshot, rows[-limit:], events[:limit], problems, notes)


def events_behind(
    session: psycopg.Connection, archive: UPath, score: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The events that a score saw, in the store or archived, by time, and what of them was purged.

    Raises ArchiveError when a file that has them is missing or was changed.
    """
    stored = _rows(session, STORED, score)
    asked = Asked(
        score["tenant_id"], score["device_id"], score["first_event_at"],
        score["last_event_at"] + timedelta(microseconds=1), score["metric"], score["period_id"], billed_only=True,
    )  # fmt: skip
    archived, purged = archived_events(session, archive, asked)
    return [{name: event[name] for name in SHOWN} for event in together(stored, archived)], purged


def _model(
    session: psycopg.Connection, settings: Settings, score: dict[str, Any], problems: list[str], notes: list[str]
) -> dict[str, Any]:
    name, version = score["model_name"], score["model_version"]
    recorded = session.execute(VERSION, (name, version)).fetchone()
    registry = model_records.registry(settings)
    serving, named = model_records.serving_version(session, name), registry.version_of(name, ALIAS)
    if serving is None or recorded is None:
        problems.append(f"version {version} of {name} is not in the record of promotions (store.model_versions)")
    elif ServingVersion(*recorded).artifact_sha256 != score["artifact_sha256"]:
        problems.append(f"the record names another artifact for version {version} of {name} than the score")
    if serving is not None and named != serving.version:
        problems.append(f"alias {ALIAS!r} names version {named} in the registry, the record says {serving.version}")
    elif serving is not None and serving.version != version:
        notes.append(f"version {serving.version} of {name} serves now")
    now = _artifact_digest(registry, name, version, problems)
    if now and now != score["artifact_sha256"]:
        problems.append(f"the artifact of {name} version {version} has digest {now}, the score names another")
    return {
        "model_name": name,
        "model_version": version,
        "run_id": score["run_id"],
        "alias": f"{ALIAS} -> {named}",
        "artifact_sha256": score["artifact_sha256"],
        "artifact_sha256_now": now or "cannot be read",
        "trained_on_snapshot": recorded[4] if recorded else None,
    }


def _artifact_digest(registry: Any, name: str, version: str, problems: list[str]) -> str:
    try:
        with model_records.evidence_errors():
            return str(registry.artifact_sha256(name, version))
    except MeterlineError as error:
        problems.append(str(error))
        return ""


def _snapshot(
    session: psycopg.Connection, settings: Settings, score: dict[str, Any], problems: list[str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    sha256 = score["snapshot_sha256"]
    place = session.execute(SNAPSHOT_PLACE, (sha256,)).fetchone()
    if place is None:
        problems.append(f"snapshot {sha256} is not in the record of snapshots (store.feature_snapshots)")
    described = {"snapshot_sha256": sha256, "place": place[0] if place else None, "digest_now": "cannot be read"}
    try:
        rows = model_records.rows_of(settings, sha256)
    except MeterlineError as error:
        problems.append(str(error))
        return described | {"row_count": None, "rows_of_subject": None}, []
    keys = ("tenant_id", "device_id", "metric")
    mine = rows
    for key in keys:
        mine = mine[mine[key] == score[key]]
    mine = mine[mine["local_date"] <= str(score["subject_date"])]
    shown = mine[["local_date", "quantity", "event_count", "first_event_at", "last_event_at"]]
    counts = {"digest_now": sha256, "row_count": len(rows), "rows_of_subject": len(mine)}
    return described | counts, [{str(k): v for k, v in row.items()} for row in shown.to_dict("records")]


def _rows(session: psycopg.Connection, query: str, parameters: Any) -> list[dict[str, Any]]:
    with session.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return list(cursor.execute(query.encode(), parameters).fetchall())
