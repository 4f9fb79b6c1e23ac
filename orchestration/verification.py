"""Proofs over the whole platform: the audit chain, conservation of messages and use, reproducibility of invoices."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from upath import UPath

from orchestration.retention.files import ArchiveError, MissingFileError, checked

# Each query returns the rows that break the proof, worded for a person.
PROOFS = {
    "audit_chain": """
        with chained as (
            select *, coalesce(lag(hash) over chain, '') as expected_previous, row_number() over chain as expected_seq
            from audit.log
            window chain as (partition by stream order by seq)
        )
        select format('stream %s, entry %s was changed, moved or cut out', stream, seq)
        from chained
        where
            seq <> expected_seq or previous_hash <> expected_previous
            or hash <> audit.entry_hash(previous_hash, stream, seq, recorded_at, actor, action, payload)
        order by stream, seq
    """,
    "conservation_of_messages": """
        select format(
            '%s: %s messages, but %s stored, %s duplicates, %s quarantined, %s late', source_file, message_count,
            stored_count, duplicate_count, quarantined_count, late_not_billed_count
        )
        from governance.load_balance
        where
            message_count <> stored_count + duplicate_count + quarantined_count + late_not_billed_count
            and load_id in (select load_id from ledger.loads where status = 'applied')
        order by source_file
    """,
    "conservation_of_use": "select problem from governance.usage_differences order by problem",
    "configuration_is_audited": """
        select format('configuration %s has no entry in the audit log', loaded.config_load_id)
        from config.loads as loaded
        left join (
            select payload::jsonb as entry from audit.log where stream = 'configuration'
        ) as logged
            on (logged.entry ->> 'config_load_id')::integer = loaded.config_load_id
            and logged.entry ->> 'content_sha256' = loaded.content_sha256
        where logged.entry is null
        order by loaded.config_load_id
    """,
    "invoices_are_audited": """
        select format('%s version %s has no entry in the audit log', invoice.invoice_id, invoice.invoice_version)
        from finance.invoices as invoice
        left join (
            select payload::jsonb as entry from audit.log where stream = 'billing' and action = 'period_closed'
        ) as logged
            on logged.entry ->> 'invoice_id' = invoice.invoice_id
            and (logged.entry ->> 'invoice_version')::integer = invoice.invoice_version
            and (logged.entry ->> 'total_amount')::numeric = invoice.total_amount
        where logged.entry is null
        order by invoice.invoice_id, invoice.invoice_version
    """,
    "moves_are_audited": """
        with logged as (
            select entry ->> 'invoice_id' as invoice_id, (entry ->> 'invoice_version')::integer as invoice_version,
                (move ->> 'no')::integer as transition_no, move ->> 'to' as to_status, move ->> 'actor' as actor,
                move ->> 'reason' as reason
            from (
                select payload::jsonb as entry from audit.log where stream = 'invoices' and action = 'invoice_moved'
            ) as entries
            cross join jsonb_array_elements(entry -> 'transitions') as move
        ),
        moves as (
            select invoice_id, invoice_version, transition_no, to_status, actor, reason
            from store.invoice_transitions
            inner join store.invoices using (tenant_no, period_no, invoice_version)
        )
        select format(
            '%s version %s: move %s is not as the audit log has it', invoice_id, invoice_version, transition_no
        )
        from moves
        full join logged using (invoice_id, invoice_version, transition_no)
        where
            row(moves.to_status, moves.actor, moves.reason)
            is distinct from row(logged.to_status, logged.actor, logged.reason)
        order by invoice_id, invoice_version, transition_no
    """,
    "numbers_are_audited_and_without_gaps": """
        with logged as (
            select entry ->> 'invoice_id' as invoice_id, (entry ->> 'invoice_version')::integer as invoice_version,
                entry #>> '{document,legal_entity}' as legal_entity, entry #>> '{document,kind}' as document_kind,
                (entry #>> '{document,number}')::bigint as document_no
            from (
                select payload::jsonb as entry from audit.log where stream = 'invoices' and action = 'invoice_moved'
            ) as entries
            where entry -> 'document' <> 'null'
        ),
        numbered as (
            select document.legal_entity, document.document_kind, document.document_no, invoice.invoice_id,
                invoice.invoice_version, row_number() over (
                    partition by document.legal_entity, document.document_kind order by document.document_no
                ) as expected_no
            from store.invoice_documents as document
            inner join store.invoices as invoice using (tenant_no, period_no, invoice_version)
        )
        select format('document %s %s %s is not as the audit log has it', legal_entity, document_kind, document_no)
        from numbered
        full join logged using (legal_entity, document_kind, document_no, invoice_id, invoice_version)
        where numbered.expected_no is distinct from document_no or logged.invoice_id is null
        order by legal_entity, document_kind, document_no
    """,
    "decisions_are_audited": """
        with logged as (
            select entry ->> 'proposal_id' as proposal_id, entry ->> 'decision' as decision,
                entry ->> 'decided_by' as decided_by
            from (
                select payload::jsonb as entry from audit.log
                where stream = 'proposals' and action = 'proposal_decided'
            ) as entries
        )
        select format('the decision about %s is not as the audit log has it', proposal_id)
        from (
            select proposal_id, decision, decided_by, true as is_stored
            from store.proposal_decisions
            inner join store.proposals using (proposal_id)
            where line_amount is not null
        ) as decided
        full join logged using (proposal_id, decision, decided_by)
        where decided.is_stored is null or logged.decision is null
        order by proposal_id
    """,
    "archives_are_audited": """
        with logged as (
            select (entry ->> 'fold_no')::integer as fold_no, entry ->> 'manifest_sha256' as manifest_sha256
            from (
                select payload::jsonb as entry from audit.log where stream = 'retention' and action = 'month_archived'
            ) as entries
        ),
        recorded as (
            select fold_no, encode(sha256(convert_to(string_agg(
                format('%s  %s', sha256, path) || chr(10), '' order by path collate "C"
            ), 'UTF8')), 'hex') as manifest_sha256
            from ledger.archived_files
            group by fold_no
        )
        select format('the list of the files of fold %s is not as the audit log has it', fold_no)
        from recorded
        full join logged using (fold_no)
        where recorded.manifest_sha256 is distinct from logged.manifest_sha256
            -- A month that held no event has an entry and no file.
            and (recorded.fold_no is not null or exists (
                select from store.folded_loads as folded where folded.fold_no = logged.fold_no
            ))
        order by fold_no
    """,
    "purges_are_audited": """
        with logged as (
            select entry ->> 'purge_id' as purge_id, entry ->> 'decision' as decision,
                entry ->> 'decided_by' as decided_by
            from (
                select payload::jsonb as entry from audit.log where stream = 'retention' and action = 'purge_decided'
            ) as entries
        )
        select format('the decision about %s is not as the audit log has it', purge_id)
        from (
            select purge_id, decision, decided_by, true as is_stored
            from ledger.purge_decisions
            inner join ledger.purge_proposals using (purge_no)
        ) as decided
        full join logged using (purge_id, decision, decided_by)
        where decided.is_stored is null or logged.decision is null
        order by purge_id
    """,
    "invoices_were_cleared": """
        select format('%s version %s was not cleared by the gates as it stands', invoice.invoice_id, invoice_version)
        from store.invoices as invoice
        inner join store.period_closes as closed using (tenant_no, period_no, invoice_version)
        left join ledger.cleared_invoices as cleared using (close_id, tenant_no, period_no, invoice_version)
        where
            closed.input_hash is distinct from cleared.input_hash
            or invoice.total_amount is distinct from cleared.total_amount
        order by invoice.invoice_id, invoice_version
    """,
}
# Of what is being purged, files may be gone.
ARCHIVED = """
select file.path, file.sha256, exists (
    select from ledger.purge_items as item
    inner join ledger.purge_decisions as decided on item.purge_no = decided.purge_no
    where item.file_no = file.file_no and decided.decision = 'approved'
) as may_be_gone
from ledger.archived_files as file
where not exists (
    select from ledger.purge_items as item
    inner join ledger.purges as done on item.purge_no = done.purge_no
    where item.file_no = file.file_no
)
order by file.path
"""
REPRODUCTION = (
    "select format('%s version %s: %s', invoice_id, invoice_version, difference) from billing.int_invoice_differences"
)


@dataclass(frozen=True)
class Proof:
    """One proof: its name and the first things that break it."""

    name: str
    problems: list[str]

    @property
    def holds(self) -> bool:
        """Whether nothing breaks it."""
        return not self.problems


def prove(session: psycopg.Connection) -> list[Proof]:
    """Run every proof that is a query."""
    return [_proof(session, name, query) for name, query in PROOFS.items()]


def prove_reproduction(session: psycopg.Connection) -> Proof:
    """Compare what the billing models rated anew, from events and configuration versions, with what was invoiced."""
    return _proof(session, "invoices_are_reproducible", REPRODUCTION)


def prove_archive(session: psycopg.Connection, archive: UPath) -> Proof:
    """Read every file of the archive that is not purged, and compare its digest with the one on record."""
    problems = []
    for path, sha256, may_be_gone in session.execute(ARCHIVED).fetchall():
        try:
            with checked(archive, path, sha256):
                pass
        except ArchiveError as error:
            if not (may_be_gone and isinstance(error, MissingFileError)):
                problems.append(str(error))
    return Proof("archived_files_are_whole", problems)


def _proof(session: psycopg.Connection, name: str, query: str) -> Proof:
    return Proof(name, [str(row[0]) for row in session.execute(query.encode()).fetchall()])
