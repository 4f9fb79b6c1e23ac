set role meterline_owner;

-- Several charges over one metric and basis are told apart by a name, parts of a charge by the value that splits it.
alter table config.rate_cards
add column charge text, add column attribute text, add column fee_per_event text, add column free_events text,
add column free_amount text, add column minimum_per_event text, add column maximum_per_event text;
alter table config.rate_card_tiers
add column charge text, add column part text, add column percent text, add column package_size text;

-- Null in what was closed before lines had them.
alter table store.invoice_lines add column charge text, add column part text;

reset role;
