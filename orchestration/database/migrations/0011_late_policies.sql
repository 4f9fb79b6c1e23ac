set role meterline_owner;

-- What the contract does with what comes too late for the period.
alter table store.periods add column late_policy text not null default 'grace';

alter table store.events drop constraint events_disposition_check;
alter table store.events add check (disposition in ('b', 'd', 'r', 'n', 'x'));
alter table store.event_restatements drop constraint event_restatements_disposition_check;
alter table store.event_restatements add check (disposition in ('b', 'd', 'r', 'n', 'x'));
comment on column store.events.disposition is
'b billed; late: d deferred (billed in the period open at receipt), r reopened (billed in its own), n not billed; x in no contract';

reset role;
