"""The model registry: MLflow's tables in the platform's database, its artifacts in a folder or store. No server."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ml.errors import EvidenceError
from ml.provenance import requirements
from ml.training import Trained

EXPERIMENT = "meterline"
MODEL_FILE = "model.skops"
# What MLflow says of a model, or of an alias, that does not exist.
NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
# The only types beside plain scikit-learn and numpy that a stored model may make; never what a file says of itself.
TRUSTED_TYPES = [
    "ml.anomaly.AnomalyDetector",
    "ml.forecast.PeriodForecaster",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
]


@dataclass(frozen=True)
class Version:
    """A registered version of a model and the digest of its files."""

    model_name: str
    version: str
    run_id: str
    artifact_sha256: str


class Registry:
    """MLflow on a database URL (SQLAlchemy's) and an artifact location (any URL that MLflow knows)."""

    def __init__(self, database_url: str, artifacts_url: str) -> None:
        self._mlflow = _quiet_mlflow()
        self._mlflow.set_tracking_uri(database_url)
        self._mlflow.set_registry_uri(database_url)
        self._client: Any = self._mlflow.MlflowClient()
        self._artifacts_url = artifacts_url

    def register(self, trained: Trained, rows: pd.DataFrame, snapshot_sha256: str, tags: Mapping[str, str]) -> Version:
        """Log a trained model with everything needed to judge it, and make it a version; no alias moves."""
        mlflow = self._mlflow
        with mlflow.start_run(experiment_id=self._experiment(), run_name=trained.model_name) as run:
            # The registry keeps 36 characters of a dataset's digest; the tag has all of it.
            days = rows.astype({"event_count": float})
            dataset = mlflow.data.from_pandas(days, name="day_usage", digest=snapshot_sha256[:36])
            mlflow.log_input(dataset, context="training")
            mlflow.log_params(trained.parameters)
            mlflow.log_metrics(trained.metrics)
            mlflow.log_text(trained.card, "model_card.md")
            logged = mlflow.sklearn.log_model(
                trained.estimator,
                name=trained.model_name,
                signature=mlflow.models.infer_signature(trained.example, trained.estimator.predict(trained.example)),
                serialization_format="skops",
                skops_trusted_types=TRUSTED_TYPES,
                pip_requirements=requirements(),
                registered_model_name=trained.model_name,
            )
        version = str(logged.registered_model_version)
        with tempfile.TemporaryDirectory() as folder:
            digest = files_sha256(self._download(trained.model_name, version, folder))
        all_tags = {"artifact_sha256": digest, "snapshot_sha256": snapshot_sha256, "validation_status": "pending"}
        for name, value in (all_tags | dict(tags)).items():
            self._client.set_model_version_tag(trained.model_name, version, name, value)
        return Version(trained.model_name, version, run.info.run_id, digest)

    def set_alias(self, model_name: str, alias: str, version: str) -> None:
        """Let the alias name this version. Raises EvidenceError when the registry does not have it."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.set_registered_model_alias(model_name, alias, version)
        except MlflowException as error:
            raise EvidenceError(
                f"the registry has no version {version} of {model_name}: {error.message}; run "
                "`meterline train --retrain`"
            ) from error

    def version_of(self, model_name: str, alias: str) -> str | None:
        """The version that the alias names; None where there is no such model or alias."""
        from mlflow.exceptions import MlflowException

        try:
            return str(self._client.get_model_version_by_alias(model_name, alias).version)
        except MlflowException as error:
            if error.error_code in NOT_THERE:
                return None
            raise

    def artifact_sha256(self, model_name: str, version: str) -> str:
        """Digest of the version's files as they lie in the artifact store now."""
        with tempfile.TemporaryDirectory() as folder:
            return files_sha256(self._download(model_name, version, folder))

    def load(self, model_name: str, version: str, artifact_sha256: str) -> Any:
        """The estimator of a version, made from a copy of its files whose digest was compared first.

        Raises EvidenceError when the files are gone or are not those that were recorded.
        """
        import skops.io

        with tempfile.TemporaryDirectory() as folder:
            files = self._download(model_name, version, folder)
            found = files_sha256(files)
            if found != artifact_sha256:
                raise EvidenceError(
                    f"the artifact of {model_name} version {version} has digest {found[:12]}, recorded is "
                    f"{artifact_sha256[:12]}: it was changed; restore its files, or run `meterline train --retrain`"
                )
            return skops.io.load(files / MODEL_FILE, trusted=TRUSTED_TYPES)

    def _download(self, model_name: str, version: str, folder: str) -> Path:
        from mlflow.exceptions import MlflowException

        try:
            place = self._client.get_model_version_download_uri(model_name, version)
            return Path(self._mlflow.artifacts.download_artifacts(artifact_uri=place, dst_path=folder))
        except (MlflowException, OSError) as error:
            raise EvidenceError(
                f"the artifact of {model_name} version {version} cannot be read: {error}; restore its files, or run "
                "`meterline train --retrain`"
            ) from error

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=self._artifacts_url))


def files_sha256(folder: Path) -> str:
    """SHA-256 (hex) over the names and contents of all files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def _quiet_mlflow() -> Any:
    """The library, told to call nobody and to keep its progress to itself; imported late, because it takes seconds."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    import mlflow
    import mlflow.sklearn

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow
