"""The job that rebuilds indexes of months that are over in the event store, and its schedule."""

from dataclasses import asdict
from typing import Any

from dagster import (
    AssetKey,
    AssetObservation,
    Config,
    DefaultScheduleStatus,
    MetadataValue,
    OpExecutionContext,
    RunRequest,
    job,
    op,
    schedule,
)

from orchestration import closing, month_indexes, turns
from orchestration.failures import clear_failures
from orchestration.resources import Platform

EVENTS = AssetKey(["finance", "billing_events"])


class RebuildConfig(Config):
    """The only month of measurement (UTC, as 2019-02) to look at; empty: all that are over."""

    month: str = ""


@op(pool=turns.BOOKS)
def rebuild_bloated_indexes(context: OpExecutionContext, config: RebuildConfig, platform: Platform) -> None:
    """Rebuild one index after the other; a month that somebody keeps from it stays, and the next is looked at."""
    with clear_failures():
        month = closing.parse_month(config.month, "--month") if config.month else None
        done = month_indexes.rebuild(platform.settings, month)
    for sentence in done.stays:
        context.log.warning(sentence)
    rebuilt = [asdict(index) | {"month": f"{index.month:%Y-%m}"} for index in done.rebuilt]
    metadata: dict[str, Any] = {
        "rebuilt": MetadataValue.json(rebuilt),
        "bytes_before": sum(index.bytes_before for index in done.rebuilt),
        "bytes_after": sum(index.bytes_after for index in done.rebuilt),
        "dropped": MetadataValue.json(done.dropped),
        "stays": MetadataValue.json(done.stays),
    }
    context.log_event(AssetObservation(asset_key=EVENTS, metadata=metadata))


@job(
    description="Rebuild indexes of the event store that take more than they need, of months that are over.",
    tags={turns.LOCK: turns.BOOKS},
)
def rebuild_indexes() -> None:
    """One step; each index with its bytes before and after is its metadata."""
    rebuild_bloated_indexes()


@schedule(job=rebuild_indexes, cron_schedule="30 2 * * 0", default_status=DefaultScheduleStatus.STOPPED)
def rebuild_indexes_weekly() -> RunRequest:
    """Once a week, after months have left the store, and before the checks that read all of it."""
    return RunRequest()
