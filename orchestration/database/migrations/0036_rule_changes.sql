set role meterline_owner;

-- From when on a rule is read as this release reads it. A period that was closed before goes on by the reading by which
-- it was closed, in every later version and proof of its invoice.
create table store.rule_changes (
    rule text primary key,
    since timestamptz not null default clock_timestamp()
);
comment on table store.rule_changes is 'Since when a rule that was changed by a release is in force on this platform.';
call store.make_append_only('store.rule_changes');
grant select on store.rule_changes to meterline_transform, meterline_finance, meterline_auditor;

-- `proration_end` of a card is the end of a device's service, too.
insert into store.rule_changes (rule) values ('inclusive_end_of_devices');

reset role;
