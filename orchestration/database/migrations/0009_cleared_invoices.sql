set role meterline_owner;

alter table ledger.close_requests add column judged_at timestamptz;
comment on column ledger.close_requests.judged_at is
'When the usage and invoice gates judged what the close rated; nothing is published before.';

-- What the gates let through, as they saw it: an invoice is published only if it still has this digest and this total.
create table ledger.cleared_invoices (
    close_id integer not null references ledger.close_requests,
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    input_hash text not null,
    total_amount numeric(20, 4) not null,
    gate_run_id integer not null,
    primary key (close_id, tenant_no, period_no, invoice_version)
);
call store.make_append_only('ledger.cleared_invoices');

-- The database itself keeps what no gate cleared from being published.
alter table store.period_closes add foreign key (close_id, tenant_no, period_no, invoice_version)
references ledger.cleared_invoices;

grant select on ledger.cleared_invoices
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on ledger.cleared_invoices to meterline_transform;
grant update (judged_at) on ledger.close_requests to meterline_transform;

reset role;
