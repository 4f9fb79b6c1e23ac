-- Who looks after the platform without changing it (`meterline doctor`): an auditor reads which migrations there were,
-- and what the orchestrator keeps of its runs, checks and schedules.
grant select on meterline.migrations to meterline_auditor;
grant usage on schema dagster to meterline_auditor;
grant select on all tables in schema dagster to meterline_auditor;
alter default privileges in schema dagster grant select on tables to meterline_auditor;
