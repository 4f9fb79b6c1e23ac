set role meterline_owner;

-- Whether a version lets those after it price the rest of a period that it began; absent: it prices all of it.
alter table config.rate_cards add column if not exists split_by_date text;

-- Null in what was closed before, and where nothing comes before.
alter table store.line_explanations add column if not exists quantity_before numeric(30, 10);

reset role;
