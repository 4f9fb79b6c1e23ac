create schema rating authorization meterline_transform;
grant usage on schema rating to meterline_finance, meterline_auditor, meterline_approver;

set role meterline_transform;

-- Rating facts of other systems, as `meterline rates verify` was given them: the working set of one run.
create unlogged table rating.facts (
    fact_no integer primary key,
    fact jsonb not null,
    refused_because text
);
comment on column rating.facts.refused_because is 'What is not supported about it; null for a fact that is rated.';
create aggregate rating.product(numeric) (sfunc = numeric_mul, stype = numeric);

reset role;
