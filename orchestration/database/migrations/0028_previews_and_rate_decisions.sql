set role meterline_owner;

alter table config.contracts add column cohort text;
alter table config.rate_cards add column release text;

-- A simulation rates what was used under two versions of a card.
alter table ledger.close_requests drop constraint close_requests_kind_check;
alter table ledger.close_requests
add constraint close_requests_kind_check check (kind in ('close', 'verify', 'reconcile', 'preview', 'simulate')),
add column rate_card_id text, add column rate_card_version integer, add column against_version integer;
comment on column ledger.close_requests.rate_card_id is 'The card that a simulation is about; null for other requests.';
comment on column ledger.close_requests.rate_card_version is 'The candidate of a simulation.';
comment on column ledger.close_requests.against_version is
'The version that it is compared with; null for the one by which a period is priced as things stand.';

-- Invoices of open periods to date. Each preview replaces those of its periods: nobody owes anything by them.
create table store.draft_invoices (
    close_id integer not null references ledger.close_requests,
    tenant_no integer not null,
    period_no integer not null,
    invoice_id text not null,
    period_start_at timestamptz not null,
    period_end_at timestamptz not null,
    as_of timestamptz not null,
    currency_code text not null,
    subtotal_amount numeric(20, 4) not null,
    tax_amount numeric(20, 4) not null,
    prepaid_amount numeric(20, 4) not null,
    total_amount numeric(20, 4) not null,
    is_tax_included boolean not null,
    input_hash text not null,
    previewed_at timestamptz not null default clock_timestamp(),
    primary key (tenant_no, period_no)
);
create table store.draft_lines (
    tenant_no integer not null,
    period_no integer not null,
    line_number integer not null,
    line_type text not null,
    metric text,
    charge_basis text,
    charge text,
    part text,
    rate_card_id text,
    rate_card_version integer,
    price_model text,
    tier_number integer,
    quantity numeric(30, 10) not null,
    unit_price numeric(20, 10),
    estimated_quantity numeric(30, 10) not null,
    amount numeric(20, 4) not null,
    description text not null,
    quality_flags text not null,
    primary key (tenant_no, period_no, line_number)
);

-- What tenants would have paid for a closed period under the candidate, beside what they pay under the other version.
create table store.rate_simulations (
    close_id integer not null references ledger.close_requests,
    tenant_no integer not null,
    period_no integer not null,
    cohort text,
    rate_card_id text not null,
    current_version integer,
    candidate_version integer,
    currency_code text not null,
    current_amount numeric(20, 4) not null,
    candidate_amount numeric(20, 4) not null,
    primary key (close_id, tenant_no, period_no)
);
comment on table store.rate_simulations is 'A version is null where it charges the tenant for nothing.';
call store.make_append_only('store.rate_simulations');

-- What persons decided about versions of rate cards. The newest entry that concerns a tenant's cohort holds.
create table store.rate_decisions (
    decision_no integer generated always as identity primary key,
    rate_card_id text not null,
    rate_card_version integer not null,
    decision text not null check (decision in ('staged', 'promoted', 'rolled_back')),
    cohort text,
    content_sha256 text not null,
    config_load_id integer not null,
    close_id integer references ledger.close_requests,
    decided_by text not null check (trim(decided_by) <> ''),
    reason text not null check (trim(reason) <> ''),
    decided_at timestamptz not null default clock_timestamp(),
    check (decision <> 'staged' or close_id is not null)
);
create index on store.rate_decisions (rate_card_id, rate_card_version);
comment on column store.rate_decisions.cohort is 'For which cohort of contracts.csv it was promoted; null: all.';
comment on column store.rate_decisions.content_sha256 is 'Digest of the rows of the version as they were then.';
comment on column store.rate_decisions.close_id is 'The simulation that was looked at when the version was staged.';
call store.make_append_only('store.rate_decisions');

-- Digest of every row of a version that is in force, in whatever table of the configuration versions have rows.
create function config.rate_version_sha256(card text, version integer) returns text
language plpgsql stable set search_path = pg_catalog as $$
declare
    relation regclass;
    digests text[] := '{}';
    found_digests text[];
begin
    for relation in
        select attribute.attrelid::regclass
        from pg_attribute as attribute
        inner join pg_class as class on class.oid = attribute.attrelid
        where
            class.relnamespace = 'config'::regnamespace and class.relkind = 'r'
            and attribute.attname = 'rate_card_version' and not attribute.attisdropped
        order by class.relname collate "C"
    loop
        execute format(
            'select array_agg(row_sha256 order by row_sha256 collate "C") from %s'
            ' where rate_card_id = $1 and rate_card_version = $2 and valid_to_load is null', relation
        ) into found_digests using card, version::text;
        digests := digests || found_digests;
    end loop;
    return encode(sha256(convert_to(array_to_string(digests, ''), 'UTF8')), 'hex');
end
$$;

-- The only way to a decision: its conditions, the entry and the audit entry are one act. Not while a close is rated,
-- which goes by the decisions that were made before it.
create function ledger.decide_rate_version(
    card text, version integer, asked_decision text, asked_cohort text, person text, because text
) returns integer language plpgsql security definer set search_path = pg_catalog, ledger as $$
declare
    name text := format('version %s of rate card %L', version, card);
    content text := config.rate_version_sha256(card, version);
    released text;
    before store.rate_decisions;
    staged store.rate_decisions;
    simulation integer;
    made integer;
begin
    if not pg_try_advisory_xact_lock(hashtext('meterline.process')) then
        raise 'another run is metering or closing (lock meterline.process)' using errcode = 'lock_not_available';
    end if;
    select coalesce(min(release), 'dated') into released from config.rate_cards
    where rate_card_id = card and rate_card_version = version::text and valid_to_load is null
    having count(*) > 0;
    if not found then
        raise '% is not in the configuration', name using errcode = 'object_not_in_prerequisite_state',
            hint = 'Write its rows into rate_cards.csv and rate_card_tiers.csv.';
    end if;
    select * into before from store.rate_decisions
    where
        rate_card_id = card and rate_card_version = version
        and decision <> 'staged' and (cohort is null or asked_cohort is null or cohort = asked_cohort)
    order by decision_no desc limit 1;

    if asked_decision = 'staged' then
        select max(close_id) into simulation from ledger.close_requests
        where
            kind = 'simulate' and finished_at is not null and rate_card_id = card and rate_card_version = version
            and config_load_id = (select max(config_load_id) from config.loads);
        if simulation is null then
            raise '% was not simulated as it stands', name using errcode = 'object_not_in_prerequisite_state',
                hint = 'Run meterline rates stage, which does both.';
        end if;
    elsif asked_decision = 'promoted' then
        select * into staged from store.rate_decisions
        where
            rate_card_id = card and rate_card_version = version and decision = 'staged' and content_sha256 = content
            and decision_no > coalesce((
                select max(decision_no) from store.rate_decisions
                where rate_card_id = card and rate_card_version = version and decision = 'rolled_back'
            ), 0)
        order by decision_no desc limit 1;
        if not found then
            raise '% was not staged with exactly these prices', name
                using errcode = 'object_not_in_prerequisite_state',
                hint = 'Run meterline rates stage and look at what it would change.';
        elsif lower(trim(staged.decided_by)) = lower(trim(person)) then
            raise '% staged % and cannot promote it, too', staged.decided_by, name
                using errcode = 'object_not_in_prerequisite_state', hint = 'Another person approves it.';
        elsif before.decision = 'promoted' and (before.cohort is null or before.cohort = asked_cohort) then
            raise '% is promoted there already', name using errcode = 'object_not_in_prerequisite_state',
                hint = 'There is nothing to do.';
        elsif released = 'dated' and before.decision is null then
            raise '% is released by its date, for everybody', name using errcode = 'object_not_in_prerequisite_state',
                hint = 'Write release staged into rate_cards.csv to have it promoted.';
        end if;
    elsif before.decision = 'rolled_back' or (released = 'staged' and before.decision is null) then
        raise '% prices nothing, so there is nothing to roll back', name
            using errcode = 'object_not_in_prerequisite_state', hint = 'finance.rate_decisions lists the decisions.';
    elsif not exists (
        select from config.rate_cards as other
        where
            other.rate_card_id = card and other.rate_card_version <> version::text and other.valid_to_load is null
            and (
                coalesce(other.release, 'dated') = 'dated' or exists (
                    select from store.rate_decisions as made_before
                    where
                        made_before.rate_card_id = card and made_before.decision = 'promoted'
                        and made_before.rate_card_version = other.rate_card_version::integer
                )
            )
    ) then
        raise '% is the only one of its card, and without it nothing has a price', name
            using errcode = 'object_not_in_prerequisite_state', hint = 'Add the version that is to price instead.';
    end if;

    insert into store.rate_decisions (
        rate_card_id, rate_card_version, decision, cohort, content_sha256, config_load_id, close_id, decided_by, reason
    ) values (
        card, version, asked_decision, asked_cohort, content, (select max(config_load_id) from config.loads), simulation,
        person, because
    ) returning decision_no into made;
    perform audit.append('rates', 'rate_version_' || asked_decision, jsonb_build_object(
        'decision_no', made, 'rate_card_id', card, 'rate_card_version', version, 'cohort', asked_cohort,
        'content_sha256', content, 'close_id', simulation, 'decided_by', person, 'reason', because
    )::text);
    return made;
end
$$;
revoke execute on function ledger.decide_rate_version from public;
grant execute on function ledger.decide_rate_version to meterline_approver;

grant select on store.draft_invoices, store.draft_lines, store.rate_simulations, store.rate_decisions
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, delete on store.draft_invoices, store.draft_lines to meterline_transform;
grant insert on store.rate_simulations to meterline_transform;

reset role;
