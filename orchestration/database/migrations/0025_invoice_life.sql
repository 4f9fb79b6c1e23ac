set role meterline_owner;

-- Who invoices, and whether a person approves what the gates cleared; kept with every version as its close found it.
alter table config.tenants add column legal_entity text;
alter table config.contracts add column invoice_approval text;
alter table store.invoices add column legal_entity text not null default 'default';
alter table store.invoices add column invoice_approval text not null default 'automatic';
alter table store.invoices add check (invoice_approval in ('automatic', 'manual'));

-- The life of an invoice version: the only moves there are.
create function store.may_move(was text, becomes text) returns boolean language sql immutable as $$
    select case becomes
        when 'draft' then was is null
        when 'gated' then was = 'draft'
        when 'approved' then was = 'gated'
        when 'issued' then was = 'approved'
        when 'paid' then was = 'issued'
        when 'void' then was in ('gated', 'approved', 'issued')
        -- A later version took its place.
        when 'amended' then was in ('gated', 'approved', 'issued', 'paid')
        else false
    end is true
$$;

create table store.invoice_transitions (
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    transition_no integer not null check (transition_no > 0),
    from_status text,
    to_status text not null,
    previous_no integer generated always as (transition_no - 1) stored,
    actor text not null check (trim(actor) <> ''),
    reason text not null check (trim(reason) <> ''),
    moved_at timestamptz not null default clock_timestamp(),
    primary key (tenant_no, period_no, invoice_version, transition_no),
    unique (tenant_no, period_no, invoice_version, transition_no, to_status),
    foreign key (tenant_no, period_no, invoice_version) references store.invoices,
    -- Every move begins where the one before it ended.
    foreign key (tenant_no, period_no, invoice_version, previous_no, from_status)
    references store.invoice_transitions (tenant_no, period_no, invoice_version, transition_no, to_status),
    check ((transition_no = 1) = (from_status is null)),
    check (store.may_move(from_status, to_status))
);
create index on store.invoice_transitions (tenant_no, period_no) where to_status = 'void';
call store.make_append_only('store.invoice_transitions');

-- Numbers of documents, per legal entity and kind 1, 2, 3 and so on, given when a version is issued.
create table store.invoice_documents (
    legal_entity text not null,
    document_kind text not null check (document_kind in ('invoice', 'credit_note', 'debit_note')),
    document_no bigint not null check (document_no > 0),
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    corrected_version integer,
    numbered_at timestamptz not null default clock_timestamp(),
    primary key (legal_entity, document_kind, document_no),
    unique (tenant_no, period_no, invoice_version),
    foreign key (tenant_no, period_no, invoice_version) references store.invoices,
    check ((document_kind = 'invoice') = (corrected_version is null))
);
comment on column store.invoice_documents.corrected_version is 'The version whose total a note corrects.';
call store.make_append_only('store.invoice_documents');

create type store.invoice_key as (tenant_no integer, period_no integer, invoice_version integer);

create function store.invoice_status(tenant integer, period integer, version integer) returns text
language sql stable as $$
    select move.to_status
    from store.invoice_transitions as move
    where (move.tenant_no, move.period_no, move.invoice_version) = (tenant, period, version)
    order by move.transition_no desc
    limit 1
$$;

-- Moves of different sessions come one after the other, so that each sees the numbers and the statuses before it.
create function store.lock_invoice_moves() returns void language sql as $$
    select pg_advisory_xact_lock(hashtext('meterline.invoice_moves'))
$$;

create function store.write_moves(keys store.invoice_key[], becomes text, person text, because text) returns void
language sql as $$
    insert into store.invoice_transitions (
        tenant_no, period_no, invoice_version, transition_no, from_status, to_status, actor, reason
    )
    select
        key.tenant_no, key.period_no, key.invoice_version, coalesce(last.transition_no, 0) + 1, last.to_status, becomes,
        person, because
    from unnest(keys) as key
    left join lateral (
        select move.transition_no, move.to_status
        from store.invoice_transitions as move
        where
            move.tenant_no = key.tenant_no and move.period_no = key.period_no
            and move.invoice_version = key.invoice_version
        order by move.transition_no desc
        limit 1
    ) as last on true
$$;

-- One audit entry per version and act, in a fixed order: the moves of the act and the document that it numbered.
create function store.audit_moves(keys store.invoice_key[], all_moves boolean) returns void
language sql as $$
    select audit.append('invoices', 'invoice_moved', entry.payload)
    from (
        select jsonb_build_object(
            'invoice_id', invoice.invoice_id,
            'invoice_version', invoice.invoice_version,
            'transitions', moves.moves,
            'document', (
                select jsonb_build_object(
                    'legal_entity', made.legal_entity, 'kind', made.document_kind, 'number', made.document_no
                )
                from store.invoice_documents as made
                where
                    made.tenant_no = invoice.tenant_no and made.period_no = invoice.period_no
                    and made.invoice_version = invoice.invoice_version and moves.is_issue
            )
        )::text as payload
        from unnest(keys) as key
        inner join store.invoices as invoice
            on key.tenant_no = invoice.tenant_no and key.period_no = invoice.period_no
            and key.invoice_version = invoice.invoice_version
        cross join lateral (
            select
                jsonb_agg(jsonb_build_object(
                    'no', move.transition_no, 'to', move.to_status, 'actor', move.actor, 'reason', move.reason
                ) order by move.transition_no) as moves,
                bool_or(move.to_status = 'issued') as is_issue
            from (
                select * from store.invoice_transitions as known
                where
                    known.tenant_no = invoice.tenant_no and known.period_no = invoice.period_no
                    and known.invoice_version = invoice.invoice_version
                order by known.transition_no desc
                limit case when all_moves then null else 1 end
            ) as move
        ) as moves
        order by invoice.invoice_id collate "C", invoice.invoice_version
    ) as entry
$$;

-- Approved versions become issued: their documents get the next numbers of their legal entity, in the order of the
-- invoices' names, and the versions that they replace become amended. The caller holds the lock.
create function store.issue_invoices(keys store.invoice_key[], person text, because text) returns void
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
    )
    select
        documents.entity,
        documents.kind,
        coalesce((
            select max(made.document_no) from store.invoice_documents as made
            where made.legal_entity = documents.entity and made.document_kind = documents.kind
        ), 0) + row_number() over (
            partition by documents.entity, documents.kind
            order by documents.invoice_id collate "C", documents.invoice_version
        ),
        documents.tenant_no, documents.period_no, documents.invoice_version, documents.corrected_version
    from documents
    where documents.kind is not null;

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

-- What a close made is rated and cleared; where the contract does not ask for a person, approved and issued as well.
create function store.record_close(made_by integer) returns void
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    made store.invoice_key[];
    automatic store.invoice_key[];
    closer text := 'close ' || made_by;
begin
    perform store.lock_invoice_moves();
    select
        array_agg(row(closed.tenant_no, closed.period_no, closed.invoice_version)::store.invoice_key),
        array_agg(row(closed.tenant_no, closed.period_no, closed.invoice_version)::store.invoice_key)
        filter (where invoice.invoice_approval = 'automatic')
    into made, automatic
    from store.period_closes as closed
    inner join store.invoices as invoice using (tenant_no, period_no, invoice_version)
    where closed.close_id = made_by;
    if made is null then
        return;
    end if;
    perform store.write_moves(made, 'draft', closer, 'rated');
    perform store.write_moves(made, 'gated', closer, 'cleared by the gates');
    if automatic is not null then
        perform store.write_moves(automatic, 'approved', closer, 'the contract asks for nobody''s approval');
        perform store.issue_invoices(automatic, closer, 'the contract asks for nobody''s approval');
    end if;
    perform store.audit_moves(made, true);
end
$$;

-- The version of each asked invoice that would move, and what stands against it; null where nothing does.
create function store.asked_moves(asked text[], asked_version integer, becomes text) returns table (
    invoice_id text, tenant_no integer, period_no integer, invoice_version integer, problem text
)
language sql stable as $$
    with versions as (
        select
            invoice.*,
            store.invoice_status(invoice.tenant_no, invoice.period_no, invoice.invoice_version) as status,
            max(invoice.invoice_version) over (partition by invoice.tenant_no, invoice.period_no) as newest_version
        from store.invoices as invoice
        where invoice.invoice_id = any(asked)
    )
    select distinct on (wanted.invoice_id)
        wanted.invoice_id,
        version.tenant_no,
        version.period_no,
        version.invoice_version,
        case
            when version.invoice_version is null then 'is not known'
            when not store.may_move(version.status, becomes) then format(
                'version %s is %s and cannot become %s', version.invoice_version, version.status, becomes
            )
            when becomes in ('approved', 'issued') and version.invoice_version < version.newest_version then format(
                'version %s cannot become %s, because version %s takes its place', version.invoice_version, becomes,
                version.newest_version
            )
        end
    from unnest(asked) as wanted (invoice_id)
    left join versions as version
        on wanted.invoice_id = version.invoice_id
        and (asked_version is null or version.invoice_version = asked_version)
    order by wanted.invoice_id, store.may_move(version.status, becomes) desc, version.invoice_version desc
$$;

-- The only way for a person to move invoices: all of them or none, each with its audit entry.
create function store.move_invoices(
    asked text[], asked_version integer, becomes text, person text, because text
) returns table (moved_id text, moved_version integer, was text)
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    wrong record;
    keys store.invoice_key[];
begin
    perform store.lock_invoice_moves();
    if becomes not in ('approved', 'issued', 'paid', 'void') then
        raise 'nobody can make an invoice %', becomes using errcode = 'invalid_parameter_value';
    end if;
    select * into wrong
    from store.asked_moves(asked, asked_version, becomes) as move
    where move.problem is not null
    order by move.invoice_id collate "C"
    limit 1;
    if found then
        raise '% %', wrong.invoice_id, wrong.problem using errcode = 'object_not_in_prerequisite_state';
    end if;
    select array_agg(row(move.tenant_no, move.period_no, move.invoice_version)::store.invoice_key) into keys
    from store.asked_moves(asked, asked_version, becomes) as move;
    if becomes = 'issued' then
        perform store.issue_invoices(keys, person, because);
    else
        perform store.write_moves(keys, becomes, person, because);
    end if;
    perform store.audit_moves(keys, false);
    return query
    select invoice.invoice_id, invoice.invoice_version, moved.from_status
    from unnest(keys) as key
    inner join store.invoices as invoice using (tenant_no, period_no, invoice_version)
    cross join lateral (
        select move.from_status
        from store.invoice_transitions as move
        where (move.tenant_no, move.period_no, move.invoice_version)
            = (invoice.tenant_no, invoice.period_no, invoice.invoice_version)
        order by move.transition_no desc
        limit 1
    ) as moved
    order by invoice.invoice_id collate "C";
end
$$;

-- Proposals of persons beside those of the platform, and what an approved one adds to the next version, before tax.
alter table store.proposals drop constraint proposals_kind_check;
alter table store.proposals add check (kind in ('late_use', 'manual'));
alter table store.proposals add column line_amount numeric(20, 4);
alter table store.proposals add column proposed_by text;
alter table store.proposals add column reason text;
alter table store.proposals add check (kind <> 'manual' or (line_amount <> 0 and trim(proposed_by) <> '' and trim(reason) <> ''));
comment on column store.proposals.line_amount is 'Of the line that it would become; null in what an older release proposed.';

create function store.propose_adjustment(asked text, asked_amount numeric, person text, because text) returns text
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    newest record;
    known text;
    made text;
begin
    perform store.lock_invoice_moves();
    select invoice.*, closed.close_id, closed.input_hash into newest
    from store.invoices as invoice
    inner join store.period_closes as closed using (tenant_no, period_no, invoice_version)
    where invoice.invoice_id = asked
    order by invoice.invoice_version desc
    limit 1;
    if not found then
        raise 'no invoice %', asked using errcode = 'no_data_found';
    end if;
    select proposal.proposal_id into known
    from store.proposals as proposal
    where
        proposal.tenant_no = newest.tenant_no and proposal.period_no = newest.period_no and proposal.kind = 'manual'
        and proposal.line_amount = asked_amount and proposal.reason = because
        and not exists (
            select from store.proposal_decisions as decided where decided.proposal_id = proposal.proposal_id
        );
    if found then
        raise 'the same waits for a decision as %', known using errcode = 'object_not_in_prerequisite_state';
    end if;
    made := 'PRP-' || left(encode(sha256(convert_to(concat_ws(
        ':', asked, newest.invoice_version, asked_amount, person, because,
        (select count(*) from store.proposals as proposal where proposal.period_no = newest.period_no)
    ), 'UTF8')), 'hex'), 16);
    insert into store.proposals (
        proposal_id, kind, tenant_no, period_no, invoice_version, close_id, currency_code, amount, event_count, use,
        input_hash, line_amount, proposed_by, reason
    ) values (
        made, 'manual', newest.tenant_no, newest.period_no, newest.invoice_version, newest.close_id,
        newest.currency_code, asked_amount, 0, '{}', newest.input_hash, asked_amount, person, because
    );
    perform audit.append('proposals', 'adjustment_proposed', jsonb_build_object(
        'proposal_id', made, 'invoice_id', asked, 'invoice_version', newest.invoice_version,
        'amount', asked_amount::text, 'proposed_by', person, 'reason', because
    )::text);
    return made;
end
$$;

-- The only way to a decision about a proposal: the decision and its audit entry are one act.
create function store.decide_proposal(asked text, decided text, person text, because text) returns void
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    proposal store.proposals;
    before text;
begin
    -- A close that is rating has read the decisions already.
    if not pg_try_advisory_xact_lock(hashtext('meterline.process')) then
        raise 'another run is metering or closing (lock meterline.process)' using errcode = 'lock_not_available';
    end if;
    perform store.lock_invoice_moves();
    select * into proposal from store.proposals as known where known.proposal_id = asked;
    if not found then
        raise 'no proposal %', asked using errcode = 'no_data_found';
    end if;
    select format('%s by %s', made.decision, made.decided_by) into before
    from store.proposal_decisions as made
    where made.proposal_id = asked
    order by made.decision_no desc
    limit 1;
    if found then
        raise '% was % already', asked, before
            using errcode = 'object_not_in_prerequisite_state', hint = 'Propose the opposite amount to take it back.';
    end if;
    if decided = 'approved' and lower(trim(person)) = lower(trim(proposal.proposed_by)) then
        raise '% was proposed by %, so somebody else must approve it', asked, proposal.proposed_by
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    if proposal.line_amount is null then
        raise '% was proposed by an older release, which did not say what its line would be', asked
            using errcode = 'object_not_in_prerequisite_state', hint = 'Run meterline reconcile again.';
    end if;
    if proposal.kind = 'late_use' and (
        exists (
            select from store.period_closes as closed
            where
                closed.tenant_no = proposal.tenant_no and closed.period_no = proposal.period_no
                and closed.invoice_version > proposal.invoice_version
        )
        or exists (
            select from store.proposals as later
            where
                later.tenant_no = proposal.tenant_no and later.period_no = proposal.period_no
                and later.kind = proposal.kind and later.close_id > proposal.close_id
        )
    ) then
        raise '% is superseded: a newer version of its invoice, or more late use, came after it', asked
            using errcode = 'object_not_in_prerequisite_state', hint = 'Run meterline reconcile, and decide about its proposal.';
    end if;
    insert into store.proposal_decisions (proposal_id, decision, decided_by, reason)
    values (asked, decided, person, because);
    perform audit.append('proposals', 'proposal_decided', jsonb_build_object(
        'proposal_id', asked, 'decision', decided, 'decided_by', person, 'reason', because
    )::text);
end
$$;

do $$
declare
    routine text;
begin
    foreach routine in array array[
        'lock_invoice_moves', 'write_moves', 'audit_moves', 'issue_invoices', 'record_close', 'asked_moves',
        'move_invoices', 'propose_adjustment', 'decide_proposal'
    ] loop
        execute format('revoke execute on function store.%I from public', routine);
    end loop;
end
$$;
grant execute on function store.record_close to meterline_transform;
grant execute on function store.move_invoices, store.propose_adjustment, store.decide_proposal to meterline_approver;
revoke insert on store.proposal_decisions from meterline_approver;
grant select on store.invoice_transitions, store.invoice_documents
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;

-- What was closed before moves were recorded was issued by its close.
select store.record_close(done.close_id)
from (select distinct close_id from store.period_closes order by close_id) as done;

reset role;
