"""Jobs of a person's decisions about invoices: moves, and adjustments that one proposes and another approves."""

from decimal import Decimal, InvalidOperation

from dagster import AssetKey, AssetObservation, Config, MetadataValue, OpExecutionContext, job, op

from orchestration import closing, invoicing
from orchestration.errors import BadInputError
from orchestration.failures import clear_failures
from orchestration.resources import Platform

INVOICES = AssetKey(["finance", "invoices"])
PROPOSALS = AssetKey(["finance", "proposals"])


class MoveConfig(Config):
    """What to do (`verb`: approve, issue, pay, void) with which invoices, or all of a month that can be (`period`).

    `version` 0: the newest that can be.
    """

    verb: str
    invoices: list[str]
    period: str = ""
    version: int = 0
    by: str
    reason: str


@op
def record_moves(context: OpExecutionContext, config: MoveConfig, platform: Platform) -> None:
    """Move invoices on, as the recorded decision of a named person; all of them or none."""
    with clear_failures(), platform.session("meterline_approver") as session:
        becomes, signed = invoicing.status_after(config.verb), invoicing.Signed(config.by, config.reason)
        names = config.invoices
        if config.period:
            names = invoicing.movable(session, closing.parse_month(config.period), becomes)
        moved = invoicing.move(session, becomes, names, signed, config.version or None)
        numbers = invoicing.numbers(session, [(invoice, version) for invoice, version, _ in moved])
    rows = [[*row, becomes, numbers.get((row[0], row[1]), "")] for row in moved]
    context.log_event(
        AssetObservation(
            asset_key=INVOICES,
            metadata={"moved": MetadataValue.json(rows), "by": config.by, "reason": config.reason},
        )
    )


@job(description="Approve, issue or void invoices, or note that they are paid, as a named person's recorded decision.")
def move_invoices() -> None:
    """One step; the moves are in the audit log and in finance.invoice_transitions."""
    record_moves()


class ProposalConfig(Config):
    """The invoice, the amount of the line before tax (below 0 for a credit), by whom, and why."""

    invoice_id: str
    amount: str
    by: str
    reason: str

    def line_amount(self) -> Decimal:
        """The amount. Raises BadInputError for what is no number."""
        try:
            return Decimal(self.amount)
        except InvalidOperation as error:
            raise BadInputError(f"{self.amount!r} is no number") from error


@op
def record_proposal(context: OpExecutionContext, config: ProposalConfig, platform: Platform) -> None:
    """Propose an adjustment of an invoice; it moves nothing until somebody else approves it."""
    with clear_failures(), platform.session("meterline_approver") as session:
        signed = invoicing.Signed(config.by, config.reason)
        made = invoicing.propose(session, config.invoice_id, config.line_amount(), signed)
    metadata = {"proposal_id": made, "amount": config.amount, "proposed_by": config.by, "reason": config.reason}
    context.log_event(AssetObservation(asset_key=PROPOSALS, metadata=metadata))


@job(description="Propose an adjustment of an invoice, such as a goodwill credit.")
def propose_adjustment() -> None:
    """One step; the proposal is in finance.proposals."""
    record_proposal()


class DecisionConfig(Config):
    """The proposal, what is done with it (`verb`: approve, reject), by whom, and why."""

    proposal_id: str
    verb: str
    by: str
    reason: str


@op
def record_decision(context: OpExecutionContext, config: DecisionConfig, platform: Platform) -> None:
    """Approve or reject a proposal; the next close of the period brings what was approved onto the invoice."""
    with clear_failures(), platform.session("meterline_approver") as session:
        decision = invoicing.decision_of(config.verb)
        invoicing.decide(session, config.proposal_id, decision, invoicing.Signed(config.by, config.reason))
        invoice_id, month = invoicing.invoice_of(session, config.proposal_id)
    metadata = {
        "proposal_id": config.proposal_id, "decision": decision, "decided_by": config.by, "reason": config.reason,
        "invoice_id": invoice_id, "month": f"{month:%Y-%m}",
    }  # fmt: skip
    context.log_event(AssetObservation(asset_key=PROPOSALS, metadata=metadata))


@job(description="Approve or reject a proposed adjustment, as a named person's recorded decision.")
def decide_proposal() -> None:
    """One step; the decision is in the audit log and in finance.proposals."""
    record_decision()
