"""What the command's verbs do: run the job, then tell the result. Nothing is computed here."""

from __future__ import annotations

import os
import re
from datetime import date
from typing import Any

from orchestration.console import say, table, working
from orchestration.database.connection import connect
from orchestration.errors import BadInputError, GateFailedError
from orchestration.ingest.landing import days_with_files, last_complete_day
from orchestration.ingest.unread import unread_files
from orchestration.pending import is_nothing_new
from orchestration.runner import run_job
from orchestration.settings import FIRST_DAY, Settings

BALANCE = """
select region, sum(message_count)::bigint, sum(stored_count)::bigint, sum(duplicate_count)::bigint,
    sum(quarantined_count)::bigint, sum(late_not_billed_count)::bigint, count(*)
from governance.run_balance
group by region
order by region
"""
# A hold is told by the run that judged it; later runs only remind of it.
NEWEST_GATE_RUN = "select coalesce(max(gate_run_id), 0) from ledger.gate_runs"
OLDER_HOLDS = """
select count(distinct (gate, subject))
from governance.standing_holds
where gate in ('landing', 'events') and gate_run_id <= %s
"""


def process(settings: Settings, first: date | None, last: date | None) -> None:
    """Process the received days, or those of all files in the landing zone that no run has read.

    With nothing new there is no run. Raises GateFailedError, after everything else was processed, when a gate held
    something of it.
    """
    is_asked_for_days = first is not None or last is not None
    first, last = days_to_process(settings, first, last)
    with connect(settings, "meterline_auditor") as session:
        (newest,) = session.execute(NEWEST_GATE_RUN).fetchall()[0]
    if not is_asked_for_days and is_nothing_new(settings):
        say(f"{first} to {last}: nothing was new")
        remind_of_holds(settings, newest)
        return
    widen_partitions(first, last)
    from orchestration.partitions import range_tags

    if last > last_complete_day():
        say(f"{last} has not ended yet: close with an explicit --as-of until it has")
    with working("processing"):
        done = run_job("process_days", tags=range_tags(first, last))
    loaded = done["raw/messages"]
    if loaded["new_files"] + loaded["unreadable_files"] == 0:
        say(f"{first} to {last}: nothing was new")
    else:
        unreadable = f", {loaded['unreadable_files']} unreadable" if loaded["unreadable_files"] else ""
        say(f"{first} to {last}: {loaded['new_files']:,} new files{unreadable}, {loaded['messages']:,} messages")
    if loaded["files_not_handed_over"]:
        say(f"{loaded['files_not_handed_over']} files could not be opened; the next run tries them again")
    if "ledger/judged_loads" in done:
        show_balance(settings)
    remind_of_holds(settings, newest)
    # With nothing pending nothing is metered, and nothing judged.
    held = done["ledger/loads"]["held"] + done.get("ledger/judged_loads", {"held": []})["held"]
    if held:
        raise GateFailedError("\n".join(held))


def remind_of_holds(settings: Settings, gate_run_id: int) -> None:
    """Say how many files and tenant days are held by that run of a gate or an earlier one."""
    with connect(settings, "meterline_auditor") as session:
        ((older,),) = session.execute(OLDER_HOLDS, (gate_run_id,)).fetchall()
    if older:
        say(f"{older} still held from before: see `meterline gates show`")


def days_to_process(settings: Settings, first: date | None, last: date | None) -> tuple[date, date]:
    """The days asked for; an end that nobody asked for is that of the unread files, or the last day where all are read.

    Every day that is run is noted for every asset, so years of read files must not be. Raises BadInputError for an
    empty range.
    """
    if first is None or last is None:
        present = days_with_files(settings.landing)
        if present is None:
            raise BadInputError(
                f"{settings.landing}: no landing files; they belong into region=REGION/date=YYYY-MM-DD/ as parquet, "
                "jsonl, jsonl.gz, csv or csv.gz"
            )
        with connect(settings, "meterline_ingest") as session:
            unread = unread_files(session, settings.landing, first or present[0], last or present[1])
        days = [file.received_date for file in unread] or [last or present[1]]
        first, last = first or min(days), last or max(days)
    if first > last:
        raise BadInputError(f"--from {first} lies after --to {last}")
    return first, last


def widen_partitions(first: date, last: date) -> None:
    """Let the partitions cover these days. Must come before anything imports the definitions."""
    earliest = os.environ.get("METERLINE_FIRST_DAY") or FIRST_DAY
    os.environ["METERLINE_FIRST_DAY"] = min(earliest, first.replace(day=1).isoformat())
    os.environ["METERLINE_LAST_DAY"] = last.isoformat()


def show_balance(settings: Settings) -> None:
    """Print what became of every message that the last run metered, by region."""
    with connect(settings, "meterline_finance") as session:
        rows = session.execute(BALANCE).fetchall()
    if rows:
        table(
            "What became of every message",
            ["region", "messages in", "= stored", "+ duplicates", "+ quarantined", "+ late not billed", "from files"],
            rows,
        )


def close(settings: Settings, month: date, as_of: str | None) -> int:
    """Close the month; returns how many invoice versions were made.

    Raises GateFailedError, after everything else was closed, when a gate held a period or an invoice.
    """
    widen_partitions(month, month)
    with working("closing"):
        done = run_job(
            "close_period",
            partition_key=month.isoformat(),
            ops={"ledger__close_requests": {"config": {"as_of": as_of or ""}}},
        )
    asked, made = done["ledger/close_requests"], done["billing/closed_periods"]
    held = done["ledger/cleared_invoices"]["held"]
    for sentence in asked["not_due"]:
        say(sentence)
    count = int(made["new_invoices"])
    if count == 0:
        say(
            f"{month:%Y-%m}: no invoice was made for {asked['due']} due period(s): they were closed before, or are held"
        )
    else:
        say(f"{month:%Y-%m}: {count} invoice version(s) made for {asked['due']} due period(s)")
    waiting = made["by_status"].get("gated", 0)
    if waiting:
        say(f"{waiting} of them wait for a person: `meterline invoices approve --period {month:%Y-%m}`, then `issue`")
    if held:
        raise GateFailedError("\n".join(held))
    return count


def import_files(source: str, files: list[str], tenant_id: str, aliases: str, landing: str) -> None:
    """Write the readings of other systems' files into the landing zone."""
    config = {"source": source, "files": files, "tenant_id": tenant_id, "aliases": aliases, "landing": landing}
    with working("importing"):
        done = run_job("import_readings", ops={"import_readings_op": {"config": config}})["landing/imported_readings"]
    for path in done["new_files"]:
        say(f"written: {path}")
    for path in done["known_files"]:
        say(f"there already: {path}")
    without = f", {done['intervals_without_data']:,} intervals without data" if done["intervals_without_data"] else ""
    say(f"{done['readings']:,} readings{without}; `meterline process` loads them")


def trace(settings: Settings, invoice_id: str, line: int | None, limit: int) -> None:
    """Show an invoice, and one line's devices, events, files and rows."""
    with working("tracing"):
        found = run_job(
            "trace",
            ops={"trace_invoice_line": {"config": {"invoice_id": invoice_id, "line": line or 0, "limit": limit}}},
        )["finance/invoice_lines"]
    invoice = found["invoice"][0]
    say(
        f"{invoice['invoice_id']} version {invoice['invoice_version']} ({invoice['status']}), {invoice['tenant_id']}, "
        f"{readable(invoice['period_start_at'])} to {readable(invoice['period_end_at'])}"
    )
    number = f"number {invoice['invoice_number']}" if invoice["invoice_number"] != "None" else "no number yet"
    moves = [f"{move['to_status']} by {move['actor']} at {readable(move['moved_at'])}" for move in found["moves"]]
    say(f"{number}; {', '.join(moves)}")
    _rows("Lines", found["lines"], ["line_number", "line_type", "description", "quantity", "unit_price", "amount"])
    # The job tells everything as text.
    contained = " (contained in the lines)" if invoice["is_tax_included"] == "True" else ""
    tax = f"{invoice['tax_amount']}{contained}"
    prepaid = f" - prepaid {invoice['prepaid_amount']}" if float(invoice["prepaid_amount"]) else ""
    say(
        f"subtotal {invoice['subtotal_amount']} + tax {tax}{prepaid} = {invoice['total_amount']} "
        f"{invoice['currency_code']}\n"
    )
    if line is None:
        return
    _rows(f"Line {line}: devices with the most use", found["devices"])
    _rows("Events of the first device, with their landing file and row", found["events"])
    for sentence in found["purged"]:
        say(sentence)


def reconcile(settings: Settings) -> None:
    """Propose adjustments for rejected late use, and print those that wait for a decision."""
    with working("rating closed periods with what came too late"):
        proposed = run_job("reconcile")["billing/reconciliation"]["proposals"]
    if not proposed:
        say("nothing late waits for a decision")
        return
    table("Proposals (finance.proposals)", ["proposal", "invoice", "late events", "would move", "currency"], proposed)
    say("none of them moves money until a person has approved it")


def explain(settings: Settings, invoice_id: str, limit: int) -> None:
    """Print how the lines of an invoice came about and what it differs by from the one before, found if need be."""
    from orchestration import explaining

    with connect(settings, "meterline_auditor") as session:
        found = explaining.explain(session, invoice_id, limit)
    if found.summary is None:
        widen_partitions(found.month, found.month)
        with working("rating the invoice before under one change at a time"):
            run_job("explain_invoices", partition_key=found.month.isoformat())
        with connect(settings, "meterline_auditor") as session:
            found = explaining.explain(session, invoice_id, limit)
    _told(f"{invoice_id}, version {found.invoice_version}: how each line came about", found.lines)
    if found.summary is None:
        say("there is no invoice of the period before to compare with, or it is equal")
        return
    say(found.summary)
    _told("What the difference consists of", found.components)
    _told(f"By line and device, the first {len(found.changes)}", found.changes)


def _told(title: str, rows: list[dict[str, Any]]) -> None:
    """As they are: money keeps its decimals."""
    names = list(rows[0]) if rows else []
    table(title, names, [["" if row[name] is None else str(row[name]) for name in names] for row in rows])


def verify(settings: Settings) -> None:
    """Run every proof; a broken one ends the command with exit code 1 and its name."""
    with working("verifying"):
        proofs = run_job("verify")["governance/verification"]["proofs"]
    for proof in proofs:
        say(f"holds: {proof}")


def docs(settings: Settings) -> str:
    """Build the documentation site; returns the path of its front page."""
    with working("building the documentation"):
        return str(run_job("build_docs")["governance/documentation"]["path"])


def _rows(title: str, rows: list[dict[str, Any]], columns: list[str] | None = None) -> None:
    if not rows:
        say(f"{title}: none\n")
        return
    columns = columns or [name for name in rows[0] if any(readable(row[name]) for row in rows)]
    table(title, columns, [[readable(row[column]) for column in columns] for row in rows])


def readable(value: str) -> str:
    """Shorter without saying less to a person: no trailing zeros, instants to the second in UTC, ids by their head."""
    if re.fullmatch(r"-?\d+\.\d*0", value):
        return value.rstrip("0").rstrip(".")
    if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00:00", value):
        return value[:19] + "Z"
    if value.startswith("sha256:"):
        return value[:19] + "…"
    return "" if value == "None" else value
