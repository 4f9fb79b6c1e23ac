"""What `meterline retention` does: run the job, then tell the result. Nothing is decided here."""

from __future__ import annotations

import csv
from pathlib import Path

from orchestration import closing
from orchestration.console import say, table, working
from orchestration.database.connection import connect
from orchestration.preparing import prepared
from orchestration.retention.reading import COLUMNS, Asked, device_events
from orchestration.runner import run_job
from orchestration.settings import Settings

EVENTS = "finance/billing_events"
RETENTION = "finance/retention_report"
REPORT = """
select tenant_id, kept_data, first_date, last_date, place, row_count, byte_count, retention_class,
    kept_until_at::date, is_on_hold, is_due, blocked_by
from finance.retention_report
where (%(tenant)s = '' or tenant_id = %(tenant)s) and (is_due or not %(due)s)
order by tenant_id, kept_data, first_date, place
"""
SHOWN = ("event_at", "metric", "quantity", "edited_quantity", "disposition", "period_id", "source_file", "source_row")
SHOWN_ROWS = 50


def report(settings: Settings, tenant: str, *, only_due: bool) -> None:
    """Print what is kept, where and until when."""
    with connect(settings, "meterline_auditor") as session:
        rows = session.execute(REPORT, {"tenant": tenant, "due": only_due}).fetchall()
    if not rows:
        say("nothing is due for purge" if only_due else "nothing is kept")
        return
    names = ("tenant", "kept", "from", "to", "where", "rows", "bytes", "class", "until", "on hold", "due", "blocked by")
    words = [[*row[:9], "yes" if row[9] else "", "yes" if row[10] else "", row[11]] for row in rows]
    table("What is kept", names, words)


def archive(month: str, by: str, reason: str) -> None:
    """Archive a month through the job."""
    config = {"month": month, "by": by, "reason": reason}
    with working("archiving"):
        done = run_job("archive_month", ops={"archive_closed_month": {"config": config}})[EVENTS]
    each = f", {done['bytes'] / done['events']:,.0f} bytes an event" if done["events"] else ""
    say(f"{month}: {done['events']:,} events in {done['files']} file(s) below {done['archive']}{each}")
    say(f"the list of their digests has the SHA-256 {done['manifest_sha256']}, which is in the audit log")


def events(settings: Settings, asked: Asked, file: str) -> None:
    """Print a device's events, or write them as CSV; raises MeterlineError where a file does not match."""
    with connect(settings, "meterline_auditor") as session:
        found, purged = device_events(session, settings.archive, asked)
    if file:
        with Path(file).expanduser().open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(found)
        say(f"{len(found):,} events written to {file}")
    elif found:
        rows = [[str(event[name]) if event[name] is not None else "" for name in SHOWN] for event in found]
        table(f"{len(found):,} events, the first {SHOWN_ROWS}", list(SHOWN), rows[:SHOWN_ROWS])
    else:
        say("no event is kept of that time")
    for sentence in purged:
        say(sentence)


def hold(tenant: str, since: str, until: str, by: str, reason: str) -> None:
    """Record a hold through the job."""
    for instant, option in ((since, "--from"), (until, "--to")):
        if instant:
            closing.parse_instant(instant, option)
    prepared()
    config = {"tenant": tenant, "since": since, "until": until, "by": by, "reason": reason}
    with working("recording the hold"):
        done = run_job("hold_data", ops={"record_hold": {"config": config}})[RETENTION]
    say(f"hold {done['hold']}: no purge deletes what it covers of {tenant} until `meterline retention lift`")


def lift(number: int, by: str, reason: str) -> None:
    """Record the end of a hold through the job."""
    with working("recording the end of the hold"):
        run_job("hold_data", ops={"record_hold": {"config": {"lift": number, "by": by, "reason": reason}}})
    say(f"hold {number} is lifted by {by}")


def propose(by: str, reason: str) -> None:
    """Record a proposal through the job, and print what it would delete."""
    config = {"by": by, "reason": reason}
    with working("looking what is due"):
        done = run_job("propose_purge", ops={"record_purge_proposal": {"config": config}})[RETENTION]
    table(done["purge_id"], ["tenant", "what", "from", "rows", "class", "kept until"], done["parts"])
    say("nothing is deleted until somebody else approves it:")
    say(f"  meterline retention purge --approve {done['purge_id']} --by NAME --reason TEXT")


def decide(purge_id: str, decision: str, by: str, reason: str) -> None:
    """Record a decision through the job, which carries out what is approved."""
    config = {"purge_id": purge_id, "decision": decision, "by": by, "reason": reason}
    with working("purging"):
        done = run_job("decide_purge", ops={"carry_out_decision": {"config": config}})[RETENTION]
    say(f"{purge_id} is {decision} by {by}")
    if decision == "approved":
        say(f"deleted: {done['deliveries']:,} deliveries, {done['minutes']:,} minutes, {done['files']:,} files")
