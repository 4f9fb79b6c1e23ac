-- What belongs to an invoice names it. A foreign key also tells the planner that tenant, period and version are one
-- thing: taken for independent, ten thousand invoices look like one, and a page of them is joined for minutes.
set role meterline_owner;

-- A close writes its invoices before it is itself on record, in one transaction.
alter table store.invoices
add foreign key (tenant_no, period_no, invoice_version) references store.period_closes
deferrable initially deferred;

alter table store.invoice_lines add foreign key (tenant_no, period_no, invoice_version) references store.invoices;
alter table store.invoice_taxes add foreign key (tenant_no, period_no, invoice_version) references store.invoices;
alter table store.credit_applications add foreign key (tenant_no, period_no, invoice_version) references store.invoices;
alter table store.line_explanations
add foreign key (tenant_no, period_no, invoice_version, line_number) references store.invoice_lines;
alter table store.invoice_changes add foreign key (tenant_no, period_no, invoice_version) references store.invoices;
alter table store.invoice_changes
add foreign key (tenant_no, previous_period_no, previous_invoice_version)
references store.invoices (tenant_no, period_no, invoice_version);

reset role;
