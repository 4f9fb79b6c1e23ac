-- MLflow's own tables (runs, registry), made and kept by it under the role that trains and scores.
create schema mlflow authorization meterline_score;

alter default privileges for role meterline_transform in schema ml
grant select on tables to meterline_score, meterline_auditor;

set role meterline_owner;

-- Snapshots of the metered days that models were trained on or scored; the rows lie in Parquet, named by their digest.
create table store.feature_snapshots (
    snapshot_sha256 text not null,
    snapshot_id integer generated always as identity primary key,
    row_count bigint not null,
    first_date date not null,
    last_date date not null,
    place text not null,
    taken_at timestamptz not null default clock_timestamp()
);

-- Which version of a model serves under an alias. The registry's alias mirrors the newest row; scoring compares them.
create table store.model_versions (
    model_name text not null,
    model_version_id integer generated always as identity primary key,
    alias text not null check (alias in ('shadow')),
    model_version text not null,
    run_id text not null,
    artifact_sha256 text not null,
    snapshot_sha256 text not null,
    fingerprint_sha256 text not null,
    recorded_by text not null default session_user,
    recorded_at timestamptz not null default clock_timestamp(),
    unique (model_name, alias, model_version)
);
comment on column store.model_versions.fingerprint_sha256 is
'Over snapshot, parameters, code and library versions: training is not repeated while it stays the same.';

create table store.scores (
    score_id text primary key,
    model_name text not null,
    model_version text not null,
    run_id text not null,
    artifact_sha256 text not null,
    snapshot_sha256 text not null,
    mode text not null,
    cohort text not null,
    tenant_id text not null,
    device_id text not null,
    metric text not null,
    period_id text not null,
    subject_date date not null,
    horizon_days integer,
    score double precision,
    threshold double precision,
    is_flagged boolean not null,
    observed_quantity numeric(30, 10) not null,
    predicted_quantity numeric(30, 10),
    lower_quantity numeric(30, 10),
    upper_quantity numeric(30, 10),
    first_event_at timestamptz not null,
    last_event_at timestamptz not null,
    event_count bigint not null,
    explanation jsonb not null,
    scored_at timestamptz not null default clock_timestamp()
);
create index on store.scores (model_name, model_version, subject_date);
create index on store.scores (tenant_id, subject_date);

-- What a scoring run wants to publish, until the gate has judged it: replaced by every run.
create table store.score_candidates (
    score_id text primary key,
    model_name text not null,
    model_version text not null,
    run_id text not null,
    artifact_sha256 text not null,
    snapshot_sha256 text not null,
    mode text not null,
    cohort text not null,
    tenant_id text not null,
    device_id text not null,
    metric text not null,
    period_id text not null,
    subject_date date not null,
    horizon_days integer,
    score double precision,
    threshold double precision,
    is_flagged boolean not null,
    observed_quantity double precision,
    predicted_quantity double precision,
    lower_quantity double precision,
    upper_quantity double precision,
    first_event_at timestamptz,
    last_event_at timestamptz,
    event_count bigint,
    explanation jsonb not null
);

grant select on store.feature_snapshots, store.model_versions, store.scores, store.score_candidates
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.feature_snapshots, store.model_versions, store.scores to meterline_score;
grant insert, delete on store.score_candidates to meterline_score;

call store.make_append_only('store.feature_snapshots');
call store.make_append_only('store.model_versions');
call store.make_append_only('store.scores');

reset role;
