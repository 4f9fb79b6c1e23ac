set role meterline_owner;

-- What a version of a card says about the invoice as a whole; the defaults are those of orchestration/config/tables.py.
create table config.rate_card_terms (
    rate_card_id text not null, rate_card_version text, rounding_mode text, is_total_from_unrounded text,
    tax_behavior text, has_credits_before_tax text, minimum_spend_amount text, maximum_spend_amount text,
    commitment_amount text, overage_factor text, is_commitment_trued_up text, proration text, proration_end text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create table config.discounts (
    discount_id text not null, tenant_id text, rate_card_id text, metric text, percent text, amount text,
    spend_from text, starts_date text, ends_date text, sequence text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create table config.taxes (
    jurisdiction text not null, tax text not null, effective_from_date text, percent text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create table config.credits (
    credit_id text not null, tenant_id text not null, currency_code text, amount text, granted_date text,
    expires_date text, priority text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create index on config.rate_card_terms (row_sha256) where valid_to_load is null;
create index on config.discounts (row_sha256) where valid_to_load is null;
create index on config.taxes (row_sha256) where valid_to_load is null;
create index on config.credits (row_sha256) where valid_to_load is null;
grant select on config.rate_card_terms, config.discounts, config.taxes, config.credits
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, update on config.rate_card_terms, config.discounts, config.taxes, config.credits to meterline_ingest;

alter table config.contracts
add column maximum_spend_amount text, add column commitment_amount text, add column tax_jurisdiction text;

alter table store.invoices
add column is_tax_included boolean not null default false,
add column prepaid_amount numeric(20, 4) not null default 0;
comment on column store.invoices.is_tax_included is 'Whether the amounts of the lines contain the tax.';
comment on column store.invoices.prepaid_amount is 'What prepaid credits paid of the invoice.';

-- The taxes of an invoice version, each computed once and rounded.
create table store.invoice_taxes (
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    jurisdiction text,
    tax text not null,
    percent numeric(20, 10) not null,
    taxable_amount numeric(20, 4) not null,
    tax_amount numeric(20, 4) not null,
    primary key (tenant_no, period_no, invoice_version, tax)
);
-- Until now an invoice had the one tax of its contract.
insert into store.invoice_taxes (
    tenant_no, period_no, invoice_version, tax, percent, taxable_amount, tax_amount
)
select
    invoice.tenant_no, invoice.period_no, invoice.invoice_version, 'tax', contract.tax_percent::numeric,
    invoice.subtotal_amount, invoice.tax_amount
from store.invoices as invoice
inner join store.period_closes as closed using (tenant_no, period_no, invoice_version)
inner join registry.tenants as tenant on invoice.tenant_no = tenant.tenant_no
inner join config.contracts as contract
    on tenant.tenant_id = contract.tenant_id
    and closed.contract_id = contract.contract_id
    and contract.valid_from_load <= closed.config_load_id
    and (contract.valid_to_load is null or contract.valid_to_load > closed.config_load_id)
where contract.tax_percent::numeric > 0;
call store.make_append_only('store.invoice_taxes');

-- What prepaid credits paid of an invoice version. A later version draws anew, in the place of the one before.
create table store.credit_applications (
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    credit_id text not null,
    available_amount numeric(20, 4) not null,
    amount numeric(20, 4) not null check (amount > 0 and amount <= available_amount),
    primary key (tenant_no, period_no, invoice_version, credit_id)
);
create index on store.credit_applications (credit_id);
comment on column store.credit_applications.available_amount is 'What the close found left of the credit.';
call store.make_append_only('store.credit_applications');

grant select on store.invoice_taxes, store.credit_applications
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.invoice_taxes, store.credit_applications to meterline_transform;

reset role;
