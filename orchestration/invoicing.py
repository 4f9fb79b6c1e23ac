"""The life of invoices as persons move it: approval, issue, payment, void, and adjustments that one proposes and another
approves. The database knows which moves there are, gives the numbers and writes the audit log in the same act."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg

from orchestration.errors import BadInputError, BusyError
from orchestration.turns import refuse_while_busy

# What a verb makes of an invoice.
MOVES = {"approve": "approved", "issue": "issued", "pay": "paid", "void": "void"}
BEFORE = {"approved": "gated", "issued": "approved", "paid": "issued"}
DECISIONS = {"approve": "approved", "reject": "rejected"}

MOVE = "select moved_id, moved_version, was from store.move_invoices(%s, %s, %s, %s, %s)"
MOVABLE = """
select invoice.invoice_id
from finance.invoices as invoice
inner join metering.int_named_periods as period using (period_id)
where
    period.last_local_month = %s and invoice.status = %s
    and (%s in ('paid') or not exists (
        select from finance.invoices as newer
        where newer.invoice_id = invoice.invoice_id and newer.invoice_version > invoice.invoice_version
    ))
order by invoice.invoice_id collate "C"
"""
# How many decimals an amount of the invoice has.
MINOR_UNIT = """
select scale(total_amount), currency_code from finance.invoices where invoice_id = %s order by invoice_version desc
"""


def move(
    session: psycopg.Connection, becomes: str, invoices: Sequence[str], by: str, reason: str, version: int | None = None
) -> list[tuple[Any, ...]]:
    """Move invoices to a status, all or none; returns id, version and status before of each.

    Without `version` the newest version moves that can. Raises BadInputError, naming the invoice, for a move that there
    is not.
    """
    _require_person(by, reason)
    if not invoices:
        raise BadInputError(f"there is no invoice to make {becomes}")
    with _refusals():
        return session.execute(MOVE, (list(invoices), version, becomes, by, reason)).fetchall()


def movable(session: psycopg.Connection, month: date, becomes: str) -> list[str]:
    """Invoices of periods that end in the month which can become approved, issued or paid."""
    return [row[0] for row in session.execute(MOVABLE, (month, BEFORE[becomes], becomes)).fetchall()]


def propose(session: psycopg.Connection, invoice_id: str, amount: Decimal, by: str, reason: str) -> str:
    """Propose a line of `amount`, before tax, for the next version of an invoice; returns the proposal's identifier.

    Raises BadInputError for an unknown invoice and for an amount that no line can have.
    """
    _require_person(by, reason)
    known = session.execute(MINOR_UNIT, (invoice_id,)).fetchone()
    if known is None:
        raise BadInputError(f"no invoice {invoice_id!r}; finance.invoices lists them")
    digits, currency = known
    if not amount.is_finite() or amount == 0 or abs(amount) >= 10**16 or amount != round(amount, digits):
        raise BadInputError(
            f"{amount} is no amount in {currency}: give a number other than 0 with at most {digits} decimals, below 0 "
            "for a credit"
        )
    with _refusals():
        row = session.execute("select store.propose_adjustment(%s, %s, %s, %s)", (invoice_id, amount, by, reason))
        return str(row.fetchall()[0][0])


def decide(session: psycopg.Connection, proposal_id: str, decision: str, by: str, reason: str) -> None:
    """Approve or reject a proposal; the next close of the period adds a line for what was approved.

    Raises BadInputError for what cannot be decided (or not by this person), BusyError while another run is metering or
    closing.
    """
    _require_person(by, reason)
    refuse_while_busy(session)
    with _refusals():
        session.execute("select store.decide_proposal(%s, %s, %s, %s)", (proposal_id, decision, by, reason))


def _require_person(by: str, reason: str) -> None:
    if not (by.strip() and reason.strip()):
        raise BadInputError("this is a named person's decision: give --by NAME and --reason TEXT")


@contextmanager
def _refusals() -> Iterator[None]:
    """What the database refuses, as a line for the user."""
    try:
        yield
    except (psycopg.errors.ObjectNotInPrerequisiteState, psycopg.errors.NoDataFound) as error:
        hint = f"; {error.diag.message_hint}" if error.diag.message_hint else ""
        raise BadInputError(f"{error.diag.message_primary}{hint}") from error
    except psycopg.errors.LockNotAvailable as error:
        raise BusyError(str(error.diag.message_primary)) from error
