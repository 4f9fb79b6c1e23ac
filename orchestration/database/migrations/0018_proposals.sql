set role meterline_owner;

alter table ledger.close_requests drop constraint close_requests_kind_check;
alter table ledger.close_requests add check (kind in ('close', 'verify', 'reconcile'));

-- Rejected late events are few and asked for by period, over all months.
create index on store.events (tenant_no, period_no) where disposition = 'n';
create index on store.event_restatements (tenant_no, period_no) where disposition = 'n';

-- What somebody or something suggests to adjust, with the money it would move. It moves none by itself.
create table store.proposals (
    proposal_id text primary key,
    kind text not null check (kind in ('late_use')),
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    close_id integer not null references ledger.close_requests,
    currency_code text not null,
    amount numeric(20, 4) not null,
    event_count bigint not null,
    use jsonb not null,
    input_hash text not null,
    proposed_at timestamptz not null default clock_timestamp()
);
create index on store.proposals (tenant_no, period_no);
comment on column store.proposals.invoice_version is 'The version that would be adjusted.';
comment on column store.proposals.use is 'Metric to the quantity that the proposal adds to what was billed.';
comment on column store.proposals.input_hash is 'Digest of all that the proposed price depends upon, as of invoices.';
call store.make_append_only('store.proposals');

-- What a person decided about a proposal; the newest entry holds.
create table store.proposal_decisions (
    proposal_id text not null references store.proposals,
    decision_no integer generated always as identity,
    decision text not null check (decision in ('approved', 'rejected')),
    decided_by text not null check (trim(decided_by) <> ''),
    reason text not null check (trim(reason) <> ''),
    decided_at timestamptz not null default clock_timestamp(),
    primary key (proposal_id, decision_no)
);
call store.make_append_only('store.proposal_decisions');

grant select on store.proposals, store.proposal_decisions
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.proposals to meterline_transform;
grant insert on store.proposal_decisions to meterline_approver;

reset role;
