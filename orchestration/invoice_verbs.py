"""What `meterline invoices` and `meterline proposals` do: show what is there, and record what a person decides."""

from __future__ import annotations

import shlex

from orchestration import closing
from orchestration.console import say, table, working
from orchestration.database.connection import connect
from orchestration.errors import BadInputError
from orchestration.invoice_cli import Asked
from orchestration.runner import run_job
from orchestration.settings import Settings

INVOICES = "finance/invoices"
PROPOSALS = "finance/proposals"
AT = "to_char({} at time zone 'UTC', 'YYYY-MM-DD HH24:MI')"
LISTED = """
select invoice.invoice_id, invoice.invoice_version, invoice.status, invoice.invoice_number, invoice.total_amount,
    invoice.currency_code
from finance.invoices as invoice
inner join metering.int_named_periods as period using (period_id)
where
    (%(month)s::date is null or period.last_local_month = %(month)s)
    and (%(status)s = '' or invoice.status = %(status)s)
    and (%(tenant)s = '' or invoice.tenant_id = %(tenant)s)
order by invoice.invoice_id, invoice.invoice_version
"""
VERSIONS = """
select invoice.invoice_version, invoice.status, invoice.invoice_number, invoice.subtotal_amount, invoice.tax_amount,
    invoice.total_amount, invoice.difference_amount, note.note_number, invoice.currency_code
from finance.invoices as invoice
left join finance.invoice_notes as note
    on invoice.invoice_id = note.invoice_id and invoice.invoice_version = note.invoice_version
where invoice.invoice_id = %s
order by invoice.invoice_version
"""
MOVES = f"""
select invoice_version, {AT.format("moved_at")}, from_status, to_status, actor, reason
from finance.invoice_transitions
where invoice_id = %s
order by invoice_version, transition_no
"""
LINES = """
select line_number, line_type, description, quantity, unit_price, amount
from finance.invoice_lines
where invoice_id = %s and invoice_version = %s
order by line_number
"""
PROPOSED = """
select proposal_id, kind, invoice_id, amount, currency_code, status, coalesce(proposed_by, 'meterline'), decided_by
from finance.proposals
where status = %s
order by invoice_id, proposed_at
"""
PROPOSAL = "select * from finance.proposals where proposal_id = %s"


def show_list(settings: Settings, period: str, status: str, tenant: str) -> None:
    """Print invoice versions that match."""
    month = closing.parse_month(period) if period else None
    with connect(settings, "meterline_auditor") as session:
        rows = session.execute(LISTED, {"month": month, "status": status, "tenant": tenant}).fetchall()
    if not rows:
        say("there is no such invoice")
        return
    table("Invoices", ["invoice", "version", "status", "number", "total", "currency"], rows)


def show(settings: Settings, invoice: str) -> None:
    """Print an invoice's versions, moves, and the lines of its newest version. Raises BadInputError."""
    with connect(settings, "meterline_auditor") as session:
        versions = session.execute(VERSIONS, (invoice,)).fetchall()
        if not versions:
            raise BadInputError(f"no invoice {invoice!r}; finance.invoices lists them")
        moves = session.execute(MOVES.encode(), (invoice,)).fetchall()
        lines = session.execute(LINES, (invoice, versions[-1][0])).fetchall()
    columns = ["version", "status", "number", "subtotal", "tax", "total", "difference", "note", "currency"]
    table(invoice, columns, versions)
    table("Moves (UTC)", ["version", "at", "from", "to", "by", "reason"], moves)
    table(f"Lines of version {versions[-1][0]}", ["line", "type", "description", "quantity", "price", "amount"], lines)


def move(verb: str, asked: Asked, by: str, reason: str) -> None:
    """Move invoices through the job, so that it shows in the UI too."""
    which = {"invoices": list(asked.invoices), "period": asked.period, "version": asked.version}
    config = {"verb": verb, "by": by, "reason": reason} | which
    with working("recording the decision"):
        moved = run_job("move_invoices", ops={"record_moves": {"config": config}})[INVOICES]
    for invoice, version, was, status, number in moved["moved"]:
        say(f"{invoice} version {version}: {was} becomes {status}" + (f", number {number}" if number else ""))
    if verb == "void":
        say("the next `meterline close` of the period makes another version")


def show_proposals(settings: Settings, status: str) -> None:
    """Print proposals of a status."""
    with connect(settings, "meterline_auditor") as session:
        rows = session.execute(PROPOSED, (status,)).fetchall()
    if not rows:
        say(f"no proposal is {status}")
        return
    columns = ["proposal", "kind", "invoice", "would move", "currency", "status", "proposed by", "decided by"]
    table("Proposals", columns, rows)
    if status == "open":
        words = ["meterline", "proposals", "approve", rows[0][0], "--by", "YOUR NAME", "--reason", "WHY"]
        say(f"to approve one: {shlex.join(words)}")


def show_proposal(settings: Settings, proposal: str) -> None:
    """Print all that is known of a proposal. Raises BadInputError."""
    with connect(settings, "meterline_auditor") as session, session.cursor() as cursor:
        found = cursor.execute(PROPOSAL, (proposal,)).fetchone()
        names = [column.name for column in cursor.description or ()]
    if found is None:
        raise BadInputError(f"no proposal {proposal!r}; `meterline proposals list` shows them")
    for name, value in zip(names, found, strict=True):
        if value is not None:
            say(f"{name}: {value}")


def propose(invoice: str, amount: str, by: str, reason: str) -> None:
    """Record a proposal through the job."""
    config = {"invoice_id": invoice, "amount": amount, "by": by, "reason": reason}
    with working("recording the proposal"):
        made = run_job("propose_adjustment", ops={"record_proposal": {"config": config}})[PROPOSALS]
    say(f"{made['proposal_id']}: {by} proposes {amount} on {invoice}, before tax")
    say("somebody else must approve it: `meterline proposals approve`")


def decide(verb: str, proposal: str, by: str, reason: str) -> None:
    """Record a decision about a proposal through the job."""
    config = {"proposal_id": proposal, "verb": verb, "by": by, "reason": reason}
    with working("recording the decision"):
        decided = run_job("decide_proposal", ops={"record_decision": {"config": config}})[PROPOSALS]
    say(f"{by} has {decided['decision']} {proposal}")
    if verb == "approve":
        say(f"the next `meterline close --period {decided['month']}` brings it onto {decided['invoice_id']}")
