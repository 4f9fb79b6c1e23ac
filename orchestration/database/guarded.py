"""What an audit or an invoice rests on: the tables that migrations guard against any change, or any but a purge."""

from __future__ import annotations

# In the order in which migrations came to call store.make_append_only; what takes a table's place stands in it. Months
# of the event store are guarded as they come, and archived months stay so.
APPEND_ONLY = (
    "store.slim_events",
    "store.series",
    "store.repeats",
    "store.event_restatements",
    "store.session_evidence",
    "store.quarantine",
    "store.period_closes",
    "store.closed_usage",
    "store.invoices",
    "store.invoice_lines",
    "audit.log",
    "ledger.gate_runs",
    "ledger.gate_verdicts",
    "ledger.gate_findings",
    "ledger.gate_overrides",
    "store.feature_snapshots",
    "store.model_versions",
    "store.scores",
    "ledger.cleared_invoices",
    "store.sequence_runs",
    "store.folds",
    "store.seen_sequences",
    "store.folded_loads",
    "store.folded_periods",
    "store.folded_conflicts",
    "store.folded_hours",
    "store.seen_exchanges",
    "ledger.released_rows",
    "ledger.refusal_remedies",
    "store.closed_estimates",
    "store.proposals",
    "store.proposal_decisions",
    "store.edits",
    "store.marked_events",
    "store.closed_flags",
    "store.invoice_taxes",
    "store.credit_applications",
    "store.invoice_transitions",
    "store.invoice_documents",
    "store.closed_intervals",
    "store.closed_unit_usage",
    "store.rate_simulations",
    "store.rate_decisions",
    "store.line_explanations",
    "store.closed_steps",
    "store.invoice_changes",
    "store.threshold_events",
    "store.threshold_notices",
    "store.rule_changes",
    "ledger.archived_files",
    "ledger.retention_holds",
    "ledger.lifted_holds",
    "ledger.purge_proposals",
    "ledger.purge_items",
    "ledger.purge_decisions",
    "ledger.withdrawn_purges",
    "ledger.purges",
)

# What approved purges, and nobody else, may delete from.
PURGED = ("raw.messages", "raw.odd_messages", "raw.extra_fields", "store.usage_minutes")
GUARDS = tuple((table, guard) for table in APPEND_ONLY for guard in ("append_only", "not_emptied")) + tuple(
    (table, guard) for table in PURGED for guard in ("unchanged", "approved_purges")
)
