"""Training: metered days become a snapshot, and the snapshot becomes versions of two models that serve in shadow."""

from typing import Any

from dagster import AssetExecutionContext, AssetKey, Config, MaterializeResult, MetadataValue, asset
from pydantic import Field

from orchestration import model_records, training
from orchestration.failures import clear_failures
from orchestration.progress import report
from orchestration.resources import Platform
from orchestration.turns import MODELS

SNAPSHOT = AssetKey(["ml", "usage_snapshot"])
ANOMALY_MODEL = AssetKey(["ml", "anomaly_model"])
FORECAST_MODEL = AssetKey(["ml", "forecast_model"])
OWNERS = ["team:data-science"]


class SnapshotConfig(Config):
    """How much of the past a snapshot holds."""

    history_days: int = Field(default=400, ge=1, description="Local days of use to keep, counted from the newest.")


class TrainingConfig(Config):
    """Whether to train although nothing changed."""

    retrain: bool = Field(default=False, description="Make a new version also from the same data, code and parameters.")


@asset(
    key=SNAPSHOT,
    deps=[AssetKey(["ml", "day_usage"])],
    pool=MODELS,
    group_name="ml",
    kinds={"postgres", "parquet"},
    owners=OWNERS,
)
def usage_snapshot(config: SnapshotConfig, platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """The complete days of metered use, kept under the digest of their rows, so that every score can be made again."""
    with clear_failures(), platform.session(model_records.ROLE) as session:
        taken = model_records.take_snapshot(session, platform.settings, config.history_days)
    return MaterializeResult(
        metadata={
            "snapshot_sha256": taken.sha256,
            "dagster/row_count": taken.row_count,
            "first_date": taken.first_date,
            "last_date": taken.last_date,
            "place": MetadataValue.path(taken.place),
        }
    )


@asset(key=ANOMALY_MODEL, deps=[SNAPSHOT], pool=MODELS, group_name="ml", kinds={"scikitlearn", "mlflow"}, owners=OWNERS)
def anomaly_model(context: AssetExecutionContext, config: TrainingConfig, platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """How unusual a device's day is, learnt from seeded faults; a version serves in shadow and moves no money.

    The same data, code and parameters make no new version.
    """
    from ml import anomaly_training

    return _trained(context, config, platform, anomaly_training)


@asset(
    key=FORECAST_MODEL, deps=[SNAPSHOT], pool=MODELS, group_name="ml", kinds={"scikitlearn", "mlflow"}, owners=OWNERS
)
def forecast_model(context: AssetExecutionContext, config: TrainingConfig, platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """The use to expect by the end of the period, with an interval; a version serves in shadow and moves no money.

    The same data, code and parameters make no new version.
    """
    from ml import forecast_training

    return _trained(context, config, platform, forecast_training)


def _trained(
    context: AssetExecutionContext, config: TrainingConfig, platform: Platform, module: Any
) -> MaterializeResult:  # type: ignore[type-arg]
    report(f"training {module.NAME}")(0, 0)
    with clear_failures(), platform.session(model_records.ROLE) as session:
        made = training.train(session, platform.settings, module, context.run_id, retrain=config.retrain)
    for note in made.notes:
        context.log.warning(note)
    metadata: dict[str, Any] = {
        "model_name": made.version.model_name,
        "model_version": made.version.version,
        "is_new": made.is_new,
        "run_id": made.version.run_id,
        "artifact_sha256": made.version.artifact_sha256,
        "snapshot_sha256": made.version.snapshot_sha256,
        "notes": MetadataValue.json(made.notes),
    }
    if made.is_new:
        metadata |= {"model_card": MetadataValue.md(made.card), "metrics": MetadataValue.json(made.metrics)}
    return MaterializeResult(metadata=metadata)
