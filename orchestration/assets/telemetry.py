"""Telemetry: landing files become raw messages, and the landing gate says which of them may go on."""

from datetime import date

from dagster import AssetExecutionContext, AssetKey, BackfillPolicy, MaterializeResult, RetryPolicy, asset

from expectations.landing import gate_landed_loads
from orchestration.assets.configuration import CONFIGURATION
from orchestration.failures import clear_failures
from orchestration.ingest.loader import load_days, summarise
from orchestration.partitions import received_days
from orchestration.progress import report
from orchestration.resources import Platform

RAW_MESSAGES = AssetKey(["raw", "messages"])
ACCEPTED_LOADS = AssetKey(["ledger", "loads"])


@asset(
    key=RAW_MESSAGES,
    deps=[CONFIGURATION],
    partitions_def=received_days,
    backfill_policy=BackfillPolicy.single_run(),
    retry_policy=RetryPolicy(max_retries=2, delay=10),
    group_name="landing",
    kinds={"parquet", "json", "csv", "postgres"},
    owners=["team:data-platform"],
)
def raw_messages(context: AssetExecutionContext, platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """Messages as the broker handed them over, one transaction per file; files seen before are passed over.

    A range of days is one run. A file that cannot be read is a row of quarantined_messages, and the rest goes on.
    """
    first_day, last_day = days_of(context)
    with clear_failures():
        show = report("loading landing files")
        results = load_days(platform.settings, first_day, last_day, lambda _, done, total: show(done, total))
    summary = summarise(results)
    for result in results:
        if result.outcome in ("unreadable", "failed"):
            context.log.warning("%s: %s (%s)", result.source_file, result.outcome, result.detail)
    return MaterializeResult(
        metadata={
            "new_files": summary.file_counts.get("landed", 0),
            "unreadable_files": summary.file_counts.get("unreadable", 0),
            "files_not_handed_over": summary.file_counts.get("failed", 0),
            "messages": summary.message_count,
            "megabytes": round(summary.byte_count / 1e6, 3),
            "landing": str(platform.settings.landing),
        }
    )


@asset(
    key=ACCEPTED_LOADS,
    deps=[RAW_MESSAGES],
    partitions_def=received_days,
    backfill_policy=BackfillPolicy.single_run(),
    group_name="landing",
    kinds={"postgres"},
    owners=["team:data-platform"],
)
def accepted_loads(platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """Loads that passed the landing gate. A blocked one stays behind alone; the others go on."""
    with platform.session("meterline_ingest") as session:
        accepted, blocked = gate_landed_loads(session)
    return MaterializeResult(metadata={"accepted": accepted, "blocked": blocked})


def days_of(context: AssetExecutionContext) -> tuple[date, date]:
    """First and last day of the partitions of this run."""
    keys = context.partition_key_range
    return date.fromisoformat(keys.start), date.fromisoformat(keys.end)
