"""Jobs and schedules of the models: train, score, and follow a score back. Off until somebody turns them on."""

import json

from dagster import (
    AssetObservation,
    AssetSelection,
    Config,
    DefaultScheduleStatus,
    MetadataValue,
    OpExecutionContext,
    RunRequest,
    define_asset_job,
    job,
    op,
    schedule,
)

from orchestration import model_records, tracing_scores
from orchestration.assets.models import anomaly_model, forecast_model, usage_snapshot
from orchestration.assets.scores import SCORES, scores
from orchestration.failures import clear_failures
from orchestration.resources import Platform
from orchestration.turns import LOCK, MODELS

train_models = define_asset_job(
    "train_models",
    AssetSelection.assets(usage_snapshot, anomaly_model, forecast_model),
    description="Train both models on the metered days so far; without news no new version.",
    tags={LOCK: MODELS},
)
score_usage = define_asset_job(
    "score_usage",
    AssetSelection.assets(usage_snapshot, scores),
    description="Score the metered days and the open periods with the models that serve in shadow.",
    tags={LOCK: MODELS},
)


class ScoreTraceConfig(Config):
    """`score_id` as in finance.scores; `limit` bounds the days and events shown."""

    score_id: str
    limit: int = 5


@op
def trace_one_score(context: OpExecutionContext, config: ScoreTraceConfig, platform: Platform) -> None:
    """Follow a score to model, snapshot and events; the result, and what does not match, is metadata of this step."""
    with clear_failures(), platform.session(model_records.ROLE) as session:
        found = tracing_scores.trace_score(session, platform.settings, config.score_id, config.limit)
    for problem in found.problems:
        context.log.error(problem)
    tables = {"score": [found.score], "model": [found.model], "snapshot": [found.snapshot]}
    tables |= {"snapshot_rows": found.snapshot_rows, "events": found.events}
    printable = {
        name: [
            {column: json.dumps(value) if isinstance(value, dict) else str(value) for column, value in row.items()}
            for row in rows
        ]
        for name, rows in tables.items()
    }
    context.log_event(
        AssetObservation(
            asset_key=SCORES,
            metadata={name: MetadataValue.json(rows) for name, rows in printable.items()}
            | {"problems": MetadataValue.json(found.problems), "notes": MetadataValue.json(found.notes)},
        )
    )


@job(description="Follow a score back to its model version, its snapshot and its events; compare every digest.")
def trace_score() -> None:
    """One step; see its metadata."""
    trace_one_score()


@schedule(job=train_models, cron_schedule="0 3 * * 6", default_status=DefaultScheduleStatus.STOPPED)
def train_weekly() -> RunRequest:
    """New versions from a week's more data, before the quiet day on which books are proven."""
    return RunRequest()


@schedule(job=score_usage, cron_schedule="0 6 * * *", default_status=DefaultScheduleStatus.STOPPED)
def score_daily() -> RunRequest:
    """Every morning, after yesterday was processed."""
    return RunRequest()
