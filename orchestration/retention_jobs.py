"""Jobs of retention: a month out of the event store, holds, and purges that one proposes and another approves."""

import os
from datetime import datetime
from typing import Any

from dagster import (
    AssetKey,
    AssetObservation,
    Config,
    DefaultScheduleStatus,
    MetadataValue,
    OpExecutionContext,
    RunConfig,
    RunRequest,
    ScheduleEvaluationContext,
    job,
    op,
    schedule,
)

from orchestration import closing, turns
from orchestration.errors import BadInputError, NotYetError
from orchestration.failures import clear_failures
from orchestration.invoicing import Signed
from orchestration.resources import Platform
from orchestration.retention import archiving, purging

EVENTS = AssetKey(["finance", "billing_events"])
RETENTION = AssetKey(["finance", "retention_report"])
# How long a month stays in the event store where the schedule archives: invoices of a quarter are disputed most.
HOT_MONTHS = 4
HOT_MONTHS_VARIABLE = "METERLINE_HOT_MONTHS"


class ArchiveConfig(Config):
    """The month of measurement (UTC, as 2019-02), by whom it leaves the event store, and why."""

    month: str
    by: str
    reason: str


@op(pool=turns.BOOKS)
def archive_closed_month(context: OpExecutionContext, config: ArchiveConfig, platform: Platform) -> None:
    """Write the month's files and take it out of the event store; all of it or nothing."""
    with clear_failures():
        month, signed = closing.parse_month(config.month, "--month"), Signed(config.by, config.reason)
        with platform.session("meterline_approver") as session:
            made = archiving.archive_month(session, platform.settings.archive, month, signed)
    events = [file for file in made.files if file.kind == "events"]
    metadata: dict[str, Any] = {
        "month": config.month, "files": len(made.files), "events": sum(file.row_count for file in events),
        "bytes": sum(file.byte_count for file in made.files), "manifest_sha256": made.manifest_sha256,
        "archive": str(platform.settings.archive), "by": config.by, "reason": config.reason,
    }  # fmt: skip
    context.log_event(AssetObservation(asset_key=EVENTS, metadata=metadata))


@job(
    description="Take a month whose periods are closed out of the event store, into files of the archive.",
    tags={turns.LOCK: turns.BOOKS},
)
def archive_month() -> None:
    """One step; what it wrote is its metadata, and in ledger.archived_files."""
    archive_closed_month()


class ArchiveOldConfig(Config):
    """The last month of measurement (UTC, as 2019-02) that leaves the event store, by whom, and why."""

    last: str
    by: str
    reason: str


@op(pool=turns.BOOKS)
def archive_closed_months(context: OpExecutionContext, config: ArchiveOldConfig, platform: Platform) -> None:
    """Archive one month after the other, oldest first; one that may not leave yet stays, and the next is looked at."""
    archived: list[str] = []
    stays: list[str] = []
    with clear_failures():
        last, signed = closing.parse_month(config.last, "--last"), Signed(config.by, config.reason)
        with platform.session("meterline_approver") as session:
            months = archiving.stored_months(session, last)
        for month in months:
            try:
                with platform.session("meterline_approver") as session:
                    archiving.archive_month(session, platform.settings.archive, month, signed)
                archived.append(f"{month:%Y-%m}")
            except NotYetError as error:
                stays.append(f"{month:%Y-%m} stays: {error}")
                context.log.warning(stays[-1])
    metadata: dict[str, Any] = {
        "archived": MetadataValue.json(archived), "stays": MetadataValue.json(stays),
        "archive": str(platform.settings.archive), "by": config.by, "reason": config.reason,
    }  # fmt: skip
    context.log_event(AssetObservation(asset_key=EVENTS, metadata=metadata))


@job(
    description="Take every month until one out of the event store, where its periods are closed.",
    tags={turns.LOCK: turns.BOOKS},
)
def archive_months() -> None:
    """One step; which months left and which stay, and why, is its metadata."""
    archive_closed_months()


@schedule(job=archive_months, cron_schedule="0 2 * * *", default_status=DefaultScheduleStatus.STOPPED)
def archive_old_months(context: ScheduleEvaluationContext) -> RunRequest:
    """Every night what was kept in the event store for long enough, also late messages of it. Raises BadInputError."""
    tick, hot = context.scheduled_execution_time, _hot_months()
    months = tick.year * 12 + tick.month - 1 - hot
    last = f"{months // 12}-{months % 12 + 1:02}"
    config = ArchiveOldConfig(last=last, by="schedule archive_old_months", reason=f"kept for {hot} months")
    return RunRequest(
        run_key=f"archive-{last}-{tick:%Y-%m-%d}", run_config=RunConfig({"archive_closed_months": config})
    )


def _hot_months() -> int:
    said = os.environ.get(HOT_MONTHS_VARIABLE) or str(HOT_MONTHS)
    if not said.isdecimal() or int(said) < 1:
        raise BadInputError(f"{HOT_MONTHS_VARIABLE}={said!r}: give a whole number of months from 1")
    return int(said)


class HoldConfig(Config):
    """Whose data, measured or received from an instant (empty: ever) until another (empty: without end), by whom, why.

    `lift` is the number of a hold to end instead.
    """

    tenant: str = ""
    since: str = ""
    until: str = ""
    lift: int = 0
    by: str
    reason: str


@op
def record_hold(context: OpExecutionContext, config: HoldConfig, platform: Platform) -> None:
    """Record that a hold begins or ends; while it stands, no purge deletes what it covers."""
    with clear_failures(), platform.session("meterline_approver") as session:
        signed, number = Signed(config.by, config.reason), config.lift
        if number:
            purging.lift(session, number, signed)
        else:
            since, until = _instant(config.since, "--from"), _instant(config.until, "--to")
            number = purging.hold(session, config.tenant, since, until, signed)
    metadata: dict[str, Any] = {
        "hold": number,
        "is_lifted": bool(config.lift),
        "by": config.by,
        "reason": config.reason,
    }
    context.log_event(AssetObservation(asset_key=RETENTION, metadata=metadata))


@job(description="Keep a tenant's data from every purge, or end such a hold, as a named person's recorded decision.")
def hold_data() -> None:
    """One step; the hold is in the audit log."""
    record_hold()


class ProposalConfig(Config):
    """Who proposes to purge what is due, and why."""

    by: str
    reason: str


@op
def record_purge_proposal(context: OpExecutionContext, config: ProposalConfig, platform: Platform) -> None:
    """Record everything that is due as a proposal; it deletes nothing until somebody else approves it."""
    with clear_failures(), platform.session("meterline_approver") as session:
        made = purging.propose(session, Signed(config.by, config.reason))
        parts = purging.items(session, made)
    rows = [[str(value) for value in part.values()] for part in parts]
    metadata: dict[str, Any] = {
        "purge_id": made,
        "parts": MetadataValue.json(rows),
        "by": config.by,
        "reason": config.reason,
    }
    context.log_event(AssetObservation(asset_key=RETENTION, metadata=metadata))


@job(description="Propose to purge everything that its class keeps no longer.")
def propose_purge() -> None:
    """One step; the proposal is in ledger.purge_proposals and ledger.purge_items."""
    record_purge_proposal()


class DecisionConfig(Config):
    """The purge, what is done with it (`decision`: approved, rejected, withdrawn), by whom, and why."""

    purge_id: str
    decision: str
    by: str
    reason: str


@op(pool=turns.BOOKS)
def carry_out_decision(context: OpExecutionContext, config: DecisionConfig, platform: Platform) -> None:
    """Record the decision; what is approved is deleted, files first. Run again after a crash, it goes on."""
    with clear_failures():
        signed, done = Signed(config.by, config.reason), purging.Purged(0, 0, 0)
        if config.decision not in ("approved", "rejected", "withdrawn"):
            raise BadInputError(f"{config.decision!r} is no decision; use approved, rejected or withdrawn")
        with platform.session("meterline_approver") as session:
            purging.decide(session, config.purge_id, config.decision, signed)
        if config.decision == "approved":
            with platform.session("meterline_approver") as session:
                done = purging.carry_out(session, platform.settings.archive, config.purge_id)
    metadata: dict[str, Any] = {
        "purge_id": config.purge_id, "decision": config.decision, "by": config.by, "reason": config.reason,
        "deliveries": done.deliveries, "minutes": done.minutes, "files": done.files,
    }  # fmt: skip
    context.log_event(AssetObservation(asset_key=RETENTION, metadata=metadata))


@job(
    description=(
        "Approve a proposed purge, and carry it out, reject it, or withdraw one that is approved and not carried out, "
        "as a named person's recorded decision."
    ),
    tags={turns.LOCK: turns.BOOKS},
)
def decide_purge() -> None:
    """One step; the decision and what was deleted are in the audit log."""
    carry_out_decision()


def _instant(text: str, option: str) -> datetime | None:
    return closing.parse_instant(text, option) if text else None
