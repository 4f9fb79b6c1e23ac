set role meterline_owner;

alter table ledger.close_requests drop constraint close_requests_kind_check;
alter table ledger.close_requests
add check (kind in ('close', 'verify', 'reconcile', 'preview', 'simulate', 'explain'));

create view ledger.explain_requests as
select close_id, period_month, requested_at, finished_at
from ledger.close_requests
where kind = 'explain';

-- How the amount of a line came about, in the numbers that its rating used.
create table store.line_explanations (
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    line_number integer not null,
    measured_quantity numeric(30, 10) not null,
    included_quantity numeric(30, 10) not null,
    lower_bound numeric,
    up_to numeric,
    tier_quantity numeric(30, 10),
    package_size numeric,
    proration_numerator integer not null,
    proration_denominator integer not null,
    exact_amount numeric not null,
    primary key (tenant_no, period_no, invoice_version, line_number)
);

-- What charges priced that is no sum over devices: parts, windows, single events.
create table store.closed_steps (
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    charge_no integer not null,
    step_no integer not null,
    metric text,
    charge_basis text not null,
    charge text not null,
    divided_by text not null,
    part text not null,
    window_start_at timestamptz,
    quantity_before numeric(30, 10) not null,
    quantity numeric(30, 10) not null,
    event_count bigint,
    bounded_amount numeric,
    primary key (tenant_no, period_no, invoice_version, charge_no, step_no)
);

-- Why an invoice is not the one before it: amounts that sum to the difference of the two.
create table store.invoice_changes (
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    change_no integer not null,
    previous_period_no integer not null,
    previous_invoice_version integer not null,
    component text not null,
    line_type text,
    metric text,
    charge_basis text,
    charge text,
    part text,
    tier_number integer,
    device_no integer,
    amount numeric(20, 4) not null,
    primary key (tenant_no, period_no, invoice_version, change_no)
);

grant select on ledger.explain_requests, store.line_explanations, store.closed_steps, store.invoice_changes
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.line_explanations, store.closed_steps, store.invoice_changes to meterline_transform;
call store.make_append_only('store.line_explanations');
call store.make_append_only('store.closed_steps');
call store.make_append_only('store.invoice_changes');

reset role;
