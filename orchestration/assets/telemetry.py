"""Telemetry: landing files become raw messages; gates before and after metering say what may go on."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial

import psycopg
from dagster import (
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    BackfillPolicy,
    FreshnessPolicy,
    MarkdownMetadataValue,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    asset,
)

from orchestration import insight, load_gates, observations, thresholds, turns
from orchestration.assets.configuration import CONFIGURATION
from orchestration.checks import check_result, observation_result
from orchestration.database.connection import reading_beside
from orchestration.failures import clear_failures
from orchestration.gate_docs import write_report
from orchestration.ingest.loader import load_days, summarise
from orchestration.observability import measures
from orchestration.partitions import received_days
from orchestration.progress import report
from orchestration.resources import Platform

RAW_MESSAGES = AssetKey(["raw", "messages"])
ACCEPTED_LOADS = AssetKey(["ledger", "loads"])
JUDGED_LOADS = AssetKey(["ledger", "judged_loads"])
LANDING_GATE = "landing_gate"
EVENT_STORE_GATE = "event_store_gate"
DUPLICATE_RATIO = "duplicate_ratio_is_usual"
# The day's run comes an hour after midnight: a morning without it is worth a look, a second day an alarm.
DAILY = FreshnessPolicy.time_window(warn_window=timedelta(hours=30), fail_window=timedelta(hours=50))


@asset(
    key=RAW_MESSAGES,
    deps=[CONFIGURATION],
    partitions_def=received_days,
    backfill_policy=BackfillPolicy.single_run(),
    pool=turns.BOOKS,
    retry_policy=RetryPolicy(max_retries=2, delay=10),
    freshness_policy=DAILY,
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
    pool=turns.BOOKS,
    check_specs=[
        AssetCheckSpec(
            LANDING_GATE,
            asset=ACCEPTED_LOADS,
            blocking=True,
            description="Landing batch: a file that fails is not metered; the others are.",
        )
    ],
    group_name="landing",
    kinds={"greatexpectations", "postgres"},
    owners=["team:data-platform"],
)
def accepted_loads(platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """Loads that passed the landing gate. A blocked one stays behind alone; the others go on."""
    with platform.session("meterline_transform") as session:
        judgement, verdicts = load_gates.judge_landed(session)
        write_report(session, platform.settings, judgement, verdicts)
    return MaterializeResult(
        metadata={
            "accepted": len(verdicts.passed) + len(verdicts.overridden),
            "held": MetadataValue.json([str(finding) for finding in verdicts.held]),
        },
        check_results=[check_result(judgement, verdicts, check_name=LANDING_GATE, asset_key=ACCEPTED_LOADS)],
    )


@asset(
    key=JUDGED_LOADS,
    deps=[AssetKey(["governance", "applied_loads"])],
    partitions_def=received_days,
    backfill_policy=BackfillPolicy.single_run(),
    pool=turns.BOOKS,
    check_specs=[
        AssetCheckSpec(
            EVENT_STORE_GATE,
            asset=JUDGED_LOADS,
            blocking=True,
            description="Event store: a tenant's day that fails holds the close of its periods; the others may close.",
        ),
        AssetCheckSpec(
            DUPLICATE_RATIO,
            asset=JUDGED_LOADS,
            description="Duplicates: an hour outside the usual band is a fault of a device or gateway; it only warns.",
        ),
    ],
    freshness_policy=DAILY,
    group_name="metering",
    kinds={"greatexpectations", "postgres"},
    owners=["team:data-platform"],
)
def judged_loads(platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """Metered loads whose tenants and days the event store gate has judged; who passed a threshold is told."""
    with platform.session("meterline_transform") as session, platform.session("meterline_transform") as other:
        unseen = load_gates.unseen_loads(session)
        # What is told reads the day that is judged, and takes as long: beside it, and before the judgement counts.
        with reading_beside(other, partial(told_of, load_ids=unseen)) as telling:
            judgement, verdicts = load_gates.judge_delivered(session)
            metered, measured, unusual = telling.result()
        write_report(session, platform.settings, judgement, verdicts)
    measures.tell_metered(measured)
    with platform.session("meterline_transform") as session:
        told = thresholds.tell(session)
    return MaterializeResult(
        metadata={
            "messages": metered.messages,
            "stored": metered.stored,
            "duplicates": metered.duplicates,
            "duplicate_rate": round(metered.duplicate_rate, 4),
            "quarantined": metered.quarantined,
            "use": MetadataValue.md("\n\n".join(f"{metric} {line}" for metric, line in metered.use) or "none"),
            "quarantine_reasons": counts("reason", metered.refused),
            "late": counts("late", [("not_billed", metered.late_not_billed), *metered.billed_late]),
            "late_not_billed": metered.late_not_billed,
            "clock_health": counts("events are dated by", metered.clocks),
            "thresholds_told": told,
            "tenant_days_judged": len(judgement.subjects),
            "held": MetadataValue.json([str(finding) for finding in verdicts.held]),
        },
        check_results=[
            check_result(judgement, verdicts, check_name=EVENT_STORE_GATE, asset_key=JUDGED_LOADS, is_last=True),
            observation_result(
                unusual, check_name=DUPLICATE_RATIO, asset_key=JUDGED_LOADS, title="Unusual share of duplicates"
            ),
        ],
    )


def told_of(
    session: psycopg.Connection, load_ids: Sequence[int]
) -> tuple[insight.Metered, measures.Metered, list[observations.Observation]]:
    """What became of metered loads, for the UI, for whoever collects metrics, and what is unusual of it."""
    return (
        insight.metered(session, load_ids),
        measures.metered(session, load_ids),
        observations.unusual_duplicates(session, load_ids),
    )


def counts(what: str, rows: list[tuple[str, int]]) -> MarkdownMetadataValue:
    """Counted things as a table."""
    lines = [f"| {name} | {count:,} |" for name, count in rows]
    return MetadataValue.md("\n".join([f"| {what} | count |", "| --- | ---: |", *lines]) if rows else "none")


def days_of(context: AssetExecutionContext) -> tuple[date, date]:
    """First and last day of the partitions of this run."""
    keys = context.partition_key_range
    return date.fromisoformat(keys.start), date.fromisoformat(keys.end)
