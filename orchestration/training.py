"""Trains one model on the newest snapshot, registers it, and lets it serve in shadow. Nothing new makes nothing new."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

import psycopg

from orchestration import model_records
from orchestration.model_records import ALIAS, ServingVersion, Snapshot
from orchestration.settings import PROJECT_ROOT, Settings


@dataclass(frozen=True)
class TrainingResult:
    """What a training came to: the version that serves, whether it is new, and what was measured (empty: not new)."""

    version: ServingVersion
    snapshot: Snapshot
    is_new: bool
    metrics: dict[str, float]
    card: str
    notes: list[str]


def train(
    session: psycopg.Connection, settings: Settings, training: Any, dagster_run_id: str, *, retrain: bool = False
) -> TrainingResult:
    """Train with a training module of `ml` (NAME, PARAMETERS, train) in the session's transaction.

    The same snapshot, parameters, code and libraries as of the serving version train nothing unless `retrain` is set;
    the alias is set to what the record says in any case. Raises MeterlineError when there is too little to learn from.
    """
    from ml.provenance import fingerprint

    model_records.take_turn(session)
    snapshot = model_records.newest_snapshot(session)
    rows = model_records.rows_of(settings, snapshot.sha256)
    mark = fingerprint(snapshot.sha256, training.PARAMETERS)
    serving = model_records.serving_version(session, training.NAME)
    if serving is not None and serving.fingerprint_sha256 == mark and not retrain:
        notes = _mirror(settings, serving)
        return TrainingResult(serving, snapshot, False, {}, "", notes)
    with model_records.evidence_errors():
        trained = training.train(rows)
        registry = model_records.registry(settings)
        registered = registry.register(trained, rows, snapshot.sha256, _tags(dagster_run_id))
        facts = (registered.version, registered.run_id, registered.artifact_sha256, snapshot.sha256, mark)
        version = ServingVersion(training.NAME, *facts)
        model_records.record_version(session, version)
        registry.set_alias(version.model_name, ALIAS, version.version)
    return TrainingResult(version, snapshot, True, trained.metrics, trained.card, trained.notes)


def _mirror(settings: Settings, serving: ServingVersion) -> list[str]:
    """Let the registry's alias name what the record says; returns what was mended."""
    with model_records.evidence_errors():
        registry = model_records.registry(settings)
        named = registry.version_of(serving.model_name, ALIAS)
        if named == serving.version:
            return []
        registry.set_alias(serving.model_name, ALIAS, serving.version)
    where = f"alias {ALIAS!r} of {serving.model_name}"
    return [f"{where} named version {named}, the record says {serving.version}: it was set back"]


def _tags(dagster_run_id: str) -> dict[str, str]:
    commit = _git_sha()
    return {"dagster_run_id": dagster_run_id} | ({"git_sha": commit} if commit else {})


def _git_sha() -> str | None:
    """The commit of the checkout; None where this is no checkout, as in a deployed image."""
    git = shutil.which("git")
    if git is None:
        return None
    found = subprocess.run(
        [git, "-C", str(PROJECT_ROOT), "rev-parse", "HEAD"], check=False, capture_output=True, text=True
    )
    return found.stdout.strip() or None if found.returncode == 0 else None
