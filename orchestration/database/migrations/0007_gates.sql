set role meterline_owner;

-- What every gate said, and what a person decided about it. Nothing here is ever changed.
create table ledger.gate_runs (
    gate_run_id integer generated always as identity primary key,
    gate text not null,
    occasion text not null,
    subject_count integer not null,
    held_count integer not null,
    document jsonb not null,
    judged_at timestamptz not null default clock_timestamp()
);
comment on column ledger.gate_runs.occasion is 'The close, load or scoring that asked, in words.';
comment on column ledger.gate_runs.document is 'Validation result of Great Expectations.';

create table ledger.gate_verdicts (
    gate_run_id integer not null references ledger.gate_runs,
    gate text not null,
    subject text not null,
    verdict text not null check (verdict in ('passed', 'held', 'overridden')),
    findings_sha256 text,
    primary key (gate_run_id, subject),
    check ((verdict = 'passed') = (findings_sha256 is null))
);
create index on ledger.gate_verdicts (gate, subject, gate_run_id);
create index on ledger.gate_verdicts (gate) where verdict = 'held';
comment on column ledger.gate_verdicts.findings_sha256 is
'Digest of the broken rules and what was said of each: a decision about these findings covers no others.';

create table ledger.gate_findings (
    gate_run_id integer not null,
    subject text not null,
    rule text not null,
    problem text not null,
    remedy text not null,
    is_overridable boolean not null,
    observed jsonb not null,
    primary key (gate_run_id, subject, rule),
    foreign key (gate_run_id, subject) references ledger.gate_verdicts
);

create table ledger.gate_overrides (
    override_id integer generated always as identity primary key,
    gate text not null,
    subject text not null,
    findings_sha256 text not null,
    decided_by text not null check (trim(decided_by) <> ''),
    reason text not null check (trim(reason) <> ''),
    decided_at timestamptz not null default clock_timestamp(),
    unique (gate, subject, findings_sha256)
);

do $$
declare
    table_name text;
begin
    foreach table_name in array array['gate_runs', 'gate_verdicts', 'gate_findings', 'gate_overrides'] loop
        call store.make_append_only(('ledger.' || table_name)::regclass);
    end loop;
end
$$;

-- The only way to an override: the decision and its audit entry are one act.
create function ledger.override_gate(
    decided_gate text, decided_subject text, decided_findings_sha256 text, decided_by_name text, decided_reason text
) returns void
language plpgsql security definer set search_path = pg_catalog, ledger as $$
begin
    insert into ledger.gate_overrides (gate, subject, findings_sha256, decided_by, reason)
    values (decided_gate, decided_subject, decided_findings_sha256, decided_by_name, decided_reason);
    perform audit.append(
        'gates', 'gate_overridden', jsonb_build_object(
            'gate', decided_gate, 'subject', decided_subject, 'findings_sha256', decided_findings_sha256,
            'decided_by', decided_by_name, 'reason', decided_reason
        )::text
    );
end
$$;
revoke execute on function ledger.override_gate from public;
grant execute on function ledger.override_gate to meterline_approver;

-- Null: the event store gate has not judged the load yet.
alter table ledger.loads add column events_judged_at timestamptz;
create index on ledger.loads (load_id) where events_judged_at is null and status = 'applied';

grant select on ledger.gate_runs, ledger.gate_verdicts, ledger.gate_findings, ledger.gate_overrides
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on ledger.gate_runs, ledger.gate_verdicts, ledger.gate_findings
to meterline_ingest, meterline_transform, meterline_score;
grant update (status, detail, events_judged_at) on ledger.loads to meterline_transform;
grant select on ledger.loads, ledger.close_requests to meterline_approver;

reset role;

-- Who decides must see what is held.
alter default privileges for role meterline_transform in schema governance
grant select on tables to meterline_approver, meterline_score;

