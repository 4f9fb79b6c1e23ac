"""The life of invoices as persons move it, and adjustments that one person proposes and another approves.

The database knows which moves there are, gives the numbers and writes the audit log in the same act.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg

from orchestration.errors import BadInputError
from orchestration.refusals import refusals
from orchestration.turns import refuse_while_busy

# What a verb makes of an invoice.
MOVES = {"approve": "approved", "issue": "issued", "pay": "paid", "void": "void"}
BEFORE = {"approved": "gated", "issued": "approved", "paid": "issued"}
DECISIONS = {"approve": "approved", "reject": "rejected"}

MOVE = "select moved_id, moved_version, was from store.move_invoices(%s, %s, %s, %s, %s)"
PROPOSE = "select store.propose_adjustment(%s, %s, %s, %s)"
DECIDE = "select store.decide_proposal(%s, %s, %s, %s)"
MOVABLE = """
select invoice.invoice_id
from store.invoices as invoice
inner join store.periods as period using (tenant_no, period_no)
where
    period.last_local_month = %(month)s
    and store.invoice_status(invoice.tenant_no, invoice.period_no, invoice.invoice_version) = %(before)s
    and (%(before)s = 'issued' or not exists (
        select from store.invoices as newer
        where
            newer.tenant_no = invoice.tenant_no and newer.period_no = invoice.period_no
            and newer.invoice_version > invoice.invoice_version
    ))
order by invoice.invoice_id collate "C"
"""
# How many decimals an amount of the invoice has.
MINOR_UNIT = """
select scale(total_amount), currency_code from finance.invoices where invoice_id = %s order by invoice_version desc
"""

NUMBERS = """
select invoice_id, invoice_version, invoice_number from finance.invoices
where invoice_id = any(%s) and invoice_number is not null
"""
INVOICE_OF = """
select invoice.invoice_id, period.last_local_month
from store.proposals as proposal
inner join store.invoices as invoice using (tenant_no, period_no, invoice_version)
inner join store.periods as period using (tenant_no, period_no)
where proposal.proposal_id = %s
"""


@dataclass(frozen=True)
class Signed:
    """Who does it, and why. Raises BadInputError where either is missing."""

    by: str
    reason: str

    def __post_init__(self) -> None:
        """Refuse an anonymous decision."""
        if not (self.by.strip() and self.reason.strip()):
            raise BadInputError("this is a named person's decision: give --by NAME and --reason TEXT")


def status_after(verb: str) -> str:
    """What a verb makes of an invoice. Raises BadInputError."""
    if verb not in MOVES:
        raise BadInputError(f"{verb!r} is nothing to do with an invoice; use {', '.join(MOVES)}")
    return MOVES[verb]


def decision_of(verb: str) -> str:
    """What a verb decides about a proposal. Raises BadInputError."""
    if verb not in DECISIONS:
        raise BadInputError(f"{verb!r} is no decision; use {' or '.join(DECISIONS)}")
    return DECISIONS[verb]


def move(
    session: psycopg.Connection, becomes: str, invoices: Sequence[str], signed: Signed, version: int | None = None
) -> list[tuple[Any, ...]]:
    """Move invoices to a status, all or none; returns id, version and status before of each.

    Without `version` the newest version moves that can. Raises BadInputError, naming the invoice, for a move that there
    is not.
    """
    if not invoices:
        raise BadInputError(f"there is no invoice to make {becomes}")
    with refusals():
        return session.execute(MOVE, (list(invoices), version, becomes, signed.by, signed.reason)).fetchall()


def movable(session: psycopg.Connection, month: date, becomes: str) -> list[str]:
    """Invoices of periods that end in the month which can become approved, issued or paid."""
    return [row[0] for row in session.execute(MOVABLE, {"month": month, "before": BEFORE[becomes]}).fetchall()]


def numbers(session: psycopg.Connection, versions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """The numbers of those invoice versions that have one."""
    asked = [invoice for invoice, _ in versions]
    return {(row[0], row[1]): row[2] for row in session.execute(NUMBERS, (asked,)).fetchall()}


def propose(session: psycopg.Connection, invoice_id: str, amount: Decimal, signed: Signed) -> str:
    """Propose a line of `amount`, before tax, for the next version of an invoice; returns the proposal's identifier.

    Raises BadInputError for an unknown invoice and for an amount that no line can have.
    """
    known = session.execute(MINOR_UNIT, (invoice_id,)).fetchone()
    if known is None:
        raise BadInputError(f"no invoice {invoice_id!r}; finance.invoices lists them")
    digits, currency = known
    if not amount.is_finite() or amount == 0 or abs(amount) >= 10**16 or amount != round(amount, digits):
        raise BadInputError(
            f"{amount} is no amount in {currency}: give a number other than 0 with at most {digits} decimals, below 0 "
            "for a credit"
        )
    with refusals():
        made = session.execute(PROPOSE, (invoice_id, amount, signed.by, signed.reason)).fetchall()
    return str(made[0][0])


def decide(session: psycopg.Connection, proposal_id: str, decision: str, signed: Signed) -> None:
    """Approve or reject a proposal; the next close of the period adds a line for what was approved.

    Raises BadInputError for what cannot be decided (or not by this person), BusyError while another run is metering or
    closing.
    """
    refuse_while_busy(session)
    with refusals():
        session.execute(DECIDE, (proposal_id, decision, signed.by, signed.reason))


def invoice_of(session: psycopg.Connection, proposal_id: str) -> tuple[str, date]:
    """The invoice of a proposal, and the month to close for it."""
    invoice_id, month = session.execute(INVOICE_OF, (proposal_id,)).fetchall()[0]
    return str(invoice_id), month
