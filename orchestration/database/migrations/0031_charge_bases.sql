set role meterline_owner;

-- Whether a device counts for the days it was in service, and over what a level is weighed; absent: neither.
alter table config.rate_cards add column if not exists device_proration text;
alter table config.rate_cards add column if not exists weighting text;

reset role;
