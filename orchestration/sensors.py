"""Sensors: new files in the landing zone, also in days that were processed before, and runs that failed."""

import hashlib
from datetime import date

from dagster import (
    DagsterRunStatus,
    DefaultSensorStatus,
    RunFailureSensorContext,
    RunRequest,
    RunStatusSensorContext,
    SensorEvaluationContext,
    SkipReason,
    run_failure_sensor,
    run_status_sensor,
    sensor,
)

from orchestration import alerts
from orchestration.ingest.landing import last_complete_day
from orchestration.ingest.unread import unread_files
from orchestration.jobs import process_days
from orchestration.partitions import range_tags
from orchestration.reports import run_url
from orchestration.resources import Platform


@sensor(
    job=process_days,
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.STOPPED,
    description="Files that no run has read yet, in any received day, become one run over their days.",
)
def new_landing_files(context: SensorEvaluationContext, platform: Platform) -> RunRequest | SkipReason:
    """Ask for one run that covers the days of all unread files; the same files ask only once."""
    with platform.session("meterline_ingest") as session:
        unread = unread_files(session, platform.settings.landing, date.min, last_complete_day())
    if not unread:
        return SkipReason(f"every file of a complete day under {platform.settings.landing} has been read")
    days = [file.received_date for file in unread]
    names = "\n".join(f"{file.source_file} {file.fingerprint}" for file in unread)
    return RunRequest(
        run_key=hashlib.sha256(names.encode()).hexdigest(),
        tags=range_tags(min(days), max(days)) | {"meterline/new_files": str(len(unread))},
    )


@run_failure_sensor(
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Every failed run, whoever launched it, becomes an alert to the targets in METERLINE_ALERTS.",
)
def alert_on_failure(context: RunFailureSensorContext) -> None:
    """Send what failed and where to look; the words are the run's own."""
    run = context.dagster_run
    alerts.send(alerts.Alert(f"{run.job_name} failed", context.failure_event.message or "", run_url(run.run_id)))


@run_status_sensor(
    run_status=DagsterRunStatus.SUCCESS,
    default_status=DefaultSensorStatus.STOPPED,
    minimum_interval_seconds=30,
    description="Every run that ended well, for those who want to hear of closes and loads too.",
)
def tell_of_success(context: RunStatusSensorContext) -> None:
    """Send which run ended well, for which partition."""
    run = context.dagster_run
    partition = run.tags.get("dagster/partition") or run.tags.get("dagster/asset_partition_range_start") or ""
    alerts.send(alerts.Alert(f"{run.job_name} ended well", partition, run_url(run.run_id)))
