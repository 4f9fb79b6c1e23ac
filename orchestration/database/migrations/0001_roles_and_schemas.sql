-- Roles are groups: an operator grants them to logins; the platform's own login takes them with SET ROLE.
do $$
declare
    role_name text;
begin
    foreach role_name in array array[
        'meterline_owner', 'meterline_ingest', 'meterline_transform', 'meterline_score',
        'meterline_finance', 'meterline_auditor', 'meterline_approver'
    ] loop
        if not exists (select 1 from pg_catalog.pg_roles as r where r.rolname = role_name) then
            begin
                execute format('create role %I nologin', role_name);
            exception when duplicate_object or unique_violation then
                null;  -- another database of this cluster made it a moment ago
            end;
        end if;
        if not pg_has_role(current_user, role_name, 'member') then
            execute format('grant %I to current_user', role_name);
        end if;
    end loop;
end
$$;

-- Owned by the role that cannot log in: tables that the platform fills and nobody may alter.
create schema config authorization meterline_owner;
create schema registry authorization meterline_owner;
create schema raw authorization meterline_owner;
create schema ledger authorization meterline_owner;
create schema store authorization meterline_owner;
create schema audit authorization meterline_owner;

-- Owned by the role that dbt works as: relations that can be built again from the ones above.
create schema staging authorization meterline_transform;
create schema metering authorization meterline_transform;
create schema usage authorization meterline_transform;
create schema billing authorization meterline_transform;
create schema governance authorization meterline_transform;
create schema ml authorization meterline_transform;
create schema finance authorization meterline_transform;

grant usage on schema config, registry, raw, ledger, store, audit
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant usage on schema staging, metering, usage, billing, governance, ml, finance
to meterline_score, meterline_finance, meterline_auditor, meterline_approver;

-- Finance and auditors read what dbt publishes, also relations that are built later.
alter default privileges for role meterline_transform in schema finance
grant select on tables to meterline_finance, meterline_auditor, meterline_score, meterline_approver;
alter default privileges for role meterline_transform in schema governance
grant select on tables to meterline_finance, meterline_auditor;
alter default privileges for role meterline_transform in schema usage
grant select on tables to meterline_score, meterline_auditor;
alter default privileges for role meterline_transform in schema billing
grant select on tables to meterline_auditor;
alter default privileges for role meterline_transform in schema metering
grant select on tables to meterline_auditor;

-- The orchestrator's own tables, made and kept by it.
create schema if not exists dagster;
