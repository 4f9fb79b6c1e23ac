set role meterline_owner;

-- Whether a version lets those after it price the rest of a period that it began; absent: it prices all of it.
alter table config.rate_cards add column if not exists split_by_date text;

reset role;
