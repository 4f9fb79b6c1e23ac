-- What the models of a load keep in each lane, where a load is metered in several at once.
create schema lanes authorization meterline_transform;

set role meterline_owner;

alter table ledger.marks
add column lane smallint not null default 0,
add column lanes smallint not null default 1,
drop constraint marks_pkey,
add primary key (load_id, model, lane);
comment on column ledger.marks.lane is
'Whose messages were added: those of the tenants whose number leaves this when it is divided by lanes.';

reset role;
