set role meterline_owner;

-- A session and day may lose all its evidence: every arrival that counted turned out to be a conflict.
alter table store.session_evidence alter column least_delay_us drop not null;
comment on column store.session_evidence.least_delay_us is 'Null where no arrival is left that proves anything.';

reset role;
