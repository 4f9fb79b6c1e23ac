set role meterline_owner;

-- A device is looked up for each of many messages: without it, by a look at all devices.
create index on config.devices (tenant_id, device_id) where valid_to_load is null;

reset role;
