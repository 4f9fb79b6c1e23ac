"""Billing: the request that opens a close, the gates, and what the close made. The rating between them is dbt's."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from dagster import (
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    Config,
    FreshnessPolicy,
    MaterializeResult,
    MetadataValue,
    asset,
)

from orchestration import close_gates, closing, insight, observations
from orchestration.checks import check_result, observation_result
from orchestration.failures import clear_failures
from orchestration.gate_docs import write_report
from orchestration.observability import measures
from orchestration.partitions import closing_months
from orchestration.resources import Dbt, Platform
from orchestration.turns import BOOKS, refuse_while_busy, turn

CLOSE_REQUESTS = AssetKey(["ledger", "close_requests"])
CLEARED_INVOICES = AssetKey(["ledger", "cleared_invoices"])
CLOSED_PERIODS = AssetKey(["billing", "closed_periods"])
RECONCILIATION = "sub_meters_agree_with_their_master"
USAGE_GATE = "usage_gate"
INVOICE_GATE = "invoice_gate"
TITLES = {
    USAGE_GATE: "Usage before the close: a tenant period that fails is not invoiced; the others are.",
    INVOICE_GATE: "Invoices before publication: an invoice that fails is not published; the others are.",
}

CLOSED_BY = """
select invoice.invoice_id, invoice.invoice_version, invoice.currency_code, invoice.total_amount, invoice.status,
    coalesce(invoice.invoice_number, '')
from finance.invoices as invoice
inner join finance.period_closes as closed
    on invoice.period_id = closed.period_id and invoice.invoice_version = closed.invoice_version
where closed.close_id = %s
order by invoice.tenant_id, invoice.period_id
"""

OPEN_PROPOSALS = """
select proposal_id, invoice_id, event_count, amount, currency_code
from finance.proposals
where status = 'open'
order by invoice_id collate "C"
"""


class CloseConfig(Config):
    """`as_of`: ISO 8601 instant up to which periods count as due; empty means the landing watermark."""

    as_of: str = ""


@asset(
    key=CLOSE_REQUESTS,
    deps=[AssetKey(["ledger", "loads"]), AssetKey(["config", "loads"])],
    partitions_def=closing_months,
    pool=BOOKS,
    group_name="billing",
    kinds={"postgres"},
    owners=["team:billing-operations"],
)
def close_requests(context: AssetExecutionContext, config: CloseConfig, platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """The periods of a month that are due, as work for the billing models.

    Refuses while received messages are not metered yet, and while no period of the month is due.
    """
    month = date.fromisoformat(context.partition_key)
    as_of = closing.parse_instant(config.as_of) if config.as_of else None
    with clear_failures(), platform.session("meterline_transform") as session:
        refuse_while_busy(session)
        closing.refuse_unapplied(session)
        # One transaction: a refusal takes the request with it.
        close_id = closing.request(session, "close", month, as_of)
        periods = closing.due_periods(session, month, as_of)
    return MaterializeResult(
        metadata={
            "close_id": close_id,
            "as_of": as_of.isoformat() if as_of else "what was received",
            "due": len(periods.due),
            "not_due": MetadataValue.json([str(period) for period in periods.waiting]),
        }
    )


@asset(
    key=CLEARED_INVOICES,
    deps=[AssetKey(["billing", "int_new_invoices"])],
    partitions_def=closing_months,
    pool=BOOKS,
    check_specs=[
        AssetCheckSpec(USAGE_GATE, asset=CLEARED_INVOICES, blocking=True, description=TITLES[USAGE_GATE]),
        AssetCheckSpec(INVOICE_GATE, asset=CLEARED_INVOICES, blocking=True, description=TITLES[INVOICE_GATE]),
    ],
    group_name="billing",
    kinds={"greatexpectations", "postgres"},
    owners=["team:finance"],
)
def cleared_invoices(platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """Invoices that the usage gate and the invoice gate let through; what they hold stays behind alone."""
    with clear_failures(), platform.session("meterline_transform") as session:
        close_id = closing.open_request(session)
        verdicts = close_gates.judge_close(session, close_id)
        write_report(session, platform.settings, verdicts.usage, verdicts.periods)
        write_report(session, platform.settings, verdicts.invoices, verdicts.new_invoices)
    gates = (
        (USAGE_GATE, verdicts.usage, verdicts.periods),
        (INVOICE_GATE, verdicts.invoices, verdicts.new_invoices),
    )
    return MaterializeResult(
        metadata={
            "close_id": close_id,
            "cleared_invoices": len(verdicts.new_invoices.passed) + len(verdicts.new_invoices.overridden),
            "held": MetadataValue.json([str(finding) for _, _, one in gates for finding in one.held]),
        },
        check_results=[
            check_result(judgement, one, check_name=name, asset_key=CLEARED_INVOICES) for name, judgement, one in gates
        ],
    )


@asset(
    key=CLOSED_PERIODS,
    deps=[AssetKey(["billing", "store_period_closes"])],
    partitions_def=closing_months,
    pool=BOOKS,
    check_specs=[
        AssetCheckSpec(
            RECONCILIATION,
            asset=CLOSED_PERIODS,
            description="Properties: sub-meters and their master meter within the property's tolerance; it only warns.",
        )
    ],
    freshness_policy=FreshnessPolicy.time_window(fail_window=timedelta(days=35)),
    group_name="billing",
    kinds={"postgres"},
    owners=["team:finance"],
)
def closed_periods(context: AssetExecutionContext, platform: Platform) -> MaterializeResult:  # type: ignore[type-arg]
    """What the close of the month made: new invoice versions, and the amounts they carry."""
    with clear_failures(), platform.session("meterline_finance") as session:
        row = session.execute("select max(close_id) from ledger.close_requests where kind = 'close'").fetchone()
        assert row is not None
        close_gates.refuse_unpublished(session, row[0])
        made = session.execute(CLOSED_BY, row).fetchall()
        revenue = insight.revenue(session, date.fromisoformat(context.partition_key))
        unreconciled = observations.unreconciled_properties(session, row[0])
        measured = measures.closed(session, row[0], len(made))
    measures.tell_close(measured)
    lines = [
        f"| {invoice} | {version} | {total} | {currency} | {status} | {number} |"
        for invoice, version, currency, total, status, number in made
    ]
    header = ["| invoice | version | total | currency | status | number |", "| --- | ---: | ---: | --- | --- | --- |"]
    table = "\n".join([*header, *lines])
    return MaterializeResult(
        metadata={
            "new_invoices": len(made),
            # Plotted over the months by the UI, which knows no decimals; the exact amounts are in finance.invoices.
            **{f"revenue_{currency}": float(total) for currency, total, _ in revenue},
            "invoices_of_the_month": sum(count for _, _, count in revenue),
            "by_status": MetadataValue.json(dict(Counter(row[4] for row in made))),
            "invoices": MetadataValue.md(table if made else "nothing was new"),
        },
        check_results=[
            observation_result(
                unreconciled,
                check_name=RECONCILIATION,
                asset_key=CLOSED_PERIODS,
                title="Sub-meters disagree with their master meter",
            )
        ],
    )


@asset(
    key=AssetKey(["billing", "reconciliation"]),
    deps=[AssetKey(["billing", "closed_periods"])],
    pool=BOOKS,
    group_name="billing",
    kinds={"dbt", "postgres"},
    owners=["team:finance"],
)
def reconciliation(platform: Platform, dbt: Dbt) -> MaterializeResult:  # type: ignore[type-arg]
    """Use that came too late for its closed period, as proposals with the money they would move; none is moved."""
    with clear_failures(), platform.session("meterline_transform") as session:
        refuse_while_busy(session)
        closing.refuse_unapplied(session)
        closing.request(session, "reconcile", closing.NO_MONTH, datetime.now(UTC))
    with clear_failures(), turn(platform.settings):
        dbt.rate()
    with platform.session("meterline_finance") as session:
        proposed = session.execute(OPEN_PROPOSALS).fetchall()
    lines = [f"| {' | '.join(str(value) for value in row)} |" for row in proposed]
    header = ["| proposal | invoice | late events | would move | currency |", "| --- | --- | ---: | ---: | --- |"]
    return MaterializeResult(
        metadata={
            "open_proposals": len(proposed),
            "proposals": MetadataValue.json([[str(value) for value in row] for row in proposed]),
            "table": MetadataValue.md(
                "\n".join([*header, *lines]) if proposed else "nothing late waits for a decision"
            ),
        }
    )
