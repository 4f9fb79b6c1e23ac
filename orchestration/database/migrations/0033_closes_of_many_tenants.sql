-- What a close of ten thousand tenants did once for each of them, and each time over all the others.
set role meterline_owner;

-- Models look a tenant and its contracts up by its number.
create index on config.tenants (tenant_id);
create index on config.contracts (tenant_id);

-- Approved versions become issued: their documents get the next numbers of their legal entity, in the order of the
-- invoices' names, and the versions that they replace become amended. The caller holds the lock.
create or replace function store.issue_invoices(keys store.invoice_key[], person text, because text) returns void
language plpgsql as $$
declare
    replaced store.invoice_key[];
begin
    insert into store.invoice_documents (
        legal_entity, document_kind, document_no, tenant_no, period_no, invoice_version, corrected_version
    )
    with issued as (
        select
            invoice.*,
            before.invoice_version as corrected_version,
            before.legal_entity as corrected_entity,
            before.total_amount as corrected_amount
        from unnest(keys) as key
        inner join store.invoices as invoice
            on key.tenant_no = invoice.tenant_no and key.period_no = invoice.period_no
            and key.invoice_version = invoice.invoice_version
        left join lateral (
            select standing.invoice_version, standing.total_amount, standing.currency_code, numbered.legal_entity
            from store.invoices as standing
            cross join lateral (
                select made.legal_entity
                from store.invoice_documents as made
                where
                    made.tenant_no = standing.tenant_no and made.period_no = standing.period_no
                    and made.invoice_version <= standing.invoice_version and made.document_kind = 'invoice'
                order by made.invoice_version desc
                limit 1
            ) as numbered
            where
                standing.tenant_no = invoice.tenant_no and standing.period_no = invoice.period_no
                and standing.invoice_version < invoice.invoice_version
                and store.invoice_status(standing.tenant_no, standing.period_no, standing.invoice_version)
                in ('issued', 'paid')
            -- Of this invoice: statuses of all others are nobody's business here.
            offset 0
        ) as before on before.currency_code = invoice.currency_code
    ),
    documents as (
        select
            issued.*,
            coalesce(issued.corrected_entity, issued.legal_entity) as entity,
            case
                when issued.corrected_version is null then 'invoice'
                when issued.total_amount < issued.corrected_amount then 'credit_note'
                when issued.total_amount > issued.corrected_amount then 'debit_note'
            end as kind
        from issued
    ),
    -- Looked up once: for each document, the index would be walked over all those that this very statement has written.
    last_numbers as materialized (
        select
            series.entity,
            series.kind,
            coalesce((
                select max(made.document_no) from store.invoice_documents as made
                where made.legal_entity = series.entity and made.document_kind = series.kind
            ), 0) as document_no
        from (select distinct entity, kind from documents where kind is not null) as series
    )
    select
        documents.entity,
        documents.kind,
        last.document_no + row_number() over (
            partition by documents.entity, documents.kind
            order by documents.invoice_id collate "C", documents.invoice_version
        ),
        documents.tenant_no, documents.period_no, documents.invoice_version, documents.corrected_version
    from documents
    inner join last_numbers as last on documents.entity = last.entity and documents.kind = last.kind;

    select array_agg(row(older.tenant_no, older.period_no, older.invoice_version)::store.invoice_key)
    into replaced
    from unnest(keys) as key
    cross join lateral (
        select earlier.tenant_no, earlier.period_no, earlier.invoice_version
        from store.invoices as earlier
        where
            earlier.tenant_no = key.tenant_no and earlier.period_no = key.period_no
            and earlier.invoice_version < key.invoice_version
            and store.may_move(
                store.invoice_status(earlier.tenant_no, earlier.period_no, earlier.invoice_version), 'amended'
            )
        offset 0
    ) as older;
    perform store.write_moves(keys, 'issued', person, because);
    if replaced is not null then
        perform store.write_moves(replaced, 'amended', person, 'replaced by a later version');
        perform store.audit_moves(replaced, false);
    end if;
end
$$;

reset role;
