"""`meterline invoices` and `meterline proposals`: what persons see of invoices and adjustments, and decide about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from orchestration.errors import BadInputError
from orchestration.preparing import prepared

invoices = typer.Typer(
    no_args_is_help=True,
    help="""The life of an invoice: draft, gated, approved, issued, then paid, void or amended.

A close does it all, up to issued, unless the contract says `invoice_approval` = manual; then it waits, gated, for a
person. Every move is recorded with who and why, and issuing gives the number.""",
)
proposals = typer.Typer(
    no_args_is_help=True,
    help="""Adjustments that somebody proposes and somebody else approves, before they come on an invoice.

What is approved becomes a line of the invoice's next version, which the next `meterline close` of its period makes.""",
)

By = Annotated[str, typer.Option(metavar="NAME", help="Who decides; it goes into the audit log.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; it goes into the audit log.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="[INVOICE]...", help="As in finance.invoices.")]
Name = Annotated[str, typer.Argument(metavar="INVOICE", help="As in finance.invoices.")]
Month = Annotated[str, typer.Option(metavar="YYYY-MM", help="All of the month that can be.")]
Version = Annotated[int | None, typer.Option(min=1, help="Which version. Default: the newest one that can be.")]
Proposal = Annotated[str, typer.Argument(metavar="PROPOSAL", help="As in finance.proposals.")]


@dataclass(frozen=True)
class Asked:
    """Which invoices: by name, or all of a month that can be (`period`); `version` 0 is the newest that can be."""

    invoices: tuple[str, ...]
    period: str
    version: int

    def refuse_unclear(self, verb: str) -> None:
        """Raise BadInputError unless it is clear which invoices are meant."""
        if bool(self.invoices) == bool(self.period):
            others = "" if verb == "void" else ", or give --period"
            raise BadInputError(f"say which invoices to {verb}: name them{others}")
        if self.version and len(self.invoices) != 1:
            raise BadInputError("--version is of one invoice: name it")
        if self.period:
            from orchestration.closing import parse_month

            parse_month(self.period)


@invoices.command("list")
def list_invoices(
    period: Annotated[str, typer.Option(metavar="YYYY-MM", help="Only periods that end in the month.")] = "",
    status: Annotated[str, typer.Option(metavar="STATUS", help="Only this status: gated, issued, paid ...")] = "",
    tenant: Annotated[str, typer.Option(metavar="ID", help="Only this tenant.")] = "",
) -> None:
    """Invoice versions with their status, number and total.

    Example: `meterline invoices list --status gated`
    """
    from orchestration import invoice_verbs

    invoice_verbs.show_list(prepared(), period, status, tenant)


@invoices.command("show")
def show_invoice(invoice: Name) -> None:
    """An invoice with its versions, its moves, its notes and the lines of the newest version.

    Example: `meterline invoices show INV-acme-2019-02-01`
    """
    from orchestration import invoice_verbs

    invoice_verbs.show(prepared(), invoice)


@invoices.command()
def approve(by: By, reason: Reason, names: Names = None, period: Month = "", version: Version = None) -> None:
    """Approve invoices that the gates cleared and whose contract asks for a person.

    Example: `meterline invoices approve --period 2019-02 --by "Ada Lovelace" --reason "checked against the meter book"`
    """
    _move("approve", Asked(tuple(names or ()), period, version or 0), by, reason)


@invoices.command()
def issue(by: By, reason: Reason, names: Names = None, period: Month = "", version: Version = None) -> None:
    """Issue approved invoices: each gets the next number of its legal entity, and corrects what went out before.

    Example: `meterline invoices issue --period 2019-02 --by "Ada Lovelace" --reason "sent today"`
    """
    _move("issue", Asked(tuple(names or ()), period, version or 0), by, reason)


@invoices.command()
def pay(by: By, reason: Reason, names: Names = None, period: Month = "", version: Version = None) -> None:
    """Note that issued invoices are paid.

    Example: `meterline invoices pay INV-acme-2019-02-01 --by "Ada Lovelace" --reason "transfer of 4 April"`
    """
    _move("pay", Asked(tuple(names or ()), period, version or 0), by, reason)


@invoices.command()
def void(by: By, reason: Reason, names: Names = None, version: Version = None) -> None:
    """Take invoices back: they are not owed and keep their number; the next close of the period makes other ones.

    Example: `meterline invoices void INV-acme-2019-02-01 --by "Ada Lovelace" --reason "wrong customer"`
    """
    _move("void", Asked(tuple(names or ()), "", version or 0), by, reason)


@proposals.command("list")
def list_proposals(
    status: Annotated[str, typer.Option(metavar="STATUS", help="open, superseded, approved or rejected.")] = "open",
) -> None:
    """Proposed adjustments with what they would move.

    Example: `meterline proposals list --status approved`
    """
    from orchestration import invoice_verbs

    invoice_verbs.show_proposals(prepared(), status)


@proposals.command("show")
def show_proposal(proposal: Proposal) -> None:
    """A proposal with all that is known of it, and what was decided.

    Example: `meterline proposals show PRP-0123456789abcdef`
    """
    from orchestration import invoice_verbs

    invoice_verbs.show_proposal(prepared(), proposal)


@proposals.command("add")
def add_proposal(
    invoice: Annotated[str, typer.Option(metavar="INVOICE", help="Which invoice, as in finance.invoices.")],
    amount: Annotated[str, typer.Option(metavar="AMOUNT", help="Before tax; a credit as --amount=-15.00.")],
    by: By,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it goes onto the invoice.")],
) -> None:
    """Propose an adjustment of an invoice, such as a goodwill credit; somebody else must approve it.

    Example: `meterline proposals add --invoice INV-acme-2019-02-01 --amount=-15.00 --by Ada --reason goodwill`
    """
    from orchestration import invoice_verbs

    prepared()
    invoice_verbs.propose(invoice, amount, by, reason)


@proposals.command("approve")
def approve_proposal(proposal: Proposal, by: By, reason: Reason) -> None:
    """Approve a proposal: the next close of its period brings it onto the invoice.

    Example: `meterline proposals approve PRP-0123456789abcdef --by "Grace Hopper" --reason "meter was read late"`
    """
    _decide("approve", proposal, by, reason)


@proposals.command("reject")
def reject_proposal(proposal: Proposal, by: By, reason: Reason) -> None:
    """Reject a proposal: nothing is moved.

    Example: `meterline proposals reject PRP-0123456789abcdef --by "Grace Hopper" --reason "customer agreed to wait"`
    """
    _decide("reject", proposal, by, reason)


def _move(verb: str, asked: Asked, by: str, reason: str) -> None:
    from orchestration import invoice_verbs

    asked.refuse_unclear(verb)
    prepared()
    invoice_verbs.move(verb, asked, by, reason)


def _decide(verb: str, proposal: str, by: str, reason: str) -> None:
    from orchestration import invoice_verbs

    prepared()
    invoice_verbs.decide(verb, proposal, by, reason)
