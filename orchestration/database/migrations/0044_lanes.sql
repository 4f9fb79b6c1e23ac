-- What the models of a load keep in each lane, where a load is metered in several at once.
create schema lanes authorization meterline_transform;

set role meterline_owner;

alter table ledger.marks
add column lane smallint not null default 0,
add column lane_starts integer[] not null default '{0}',
drop constraint marks_pkey,
add primary key (load_id, model, lane);
comment on column ledger.marks.lane is 'Whose messages were added: tenants from the start of this lane to that of the next.';
comment on column ledger.marks.lane_starts is 'Of all lanes of the run, the number of the first tenant.';

reset role;
