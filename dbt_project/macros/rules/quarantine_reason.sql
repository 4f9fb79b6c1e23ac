{#
    The first rule that a message fails, in the order of RULES 21, or null. The form of a row (missing_field, bad_type,
    bad_quantity) was judged where its text was parsed; sequence_conflict and no_contract need other rows and come later.
#}
{% macro quarantine_reason() -%}
    case
        when form_reason is not null then form_reason
        when {{ out_of_range('device_ts') }} or {{ out_of_range('received_at') }}
            or (sent_ts > '-infinity' and {{ out_of_range('sent_ts') }})
            or {{ utc_day('received_at') }} not between received_date - 1 and received_date + 1
            then 'timestamp_out_of_range'
        when tenant_no is null then 'unknown_tenant'
        when tenant_region <> region then 'wrong_region'
        when device_no is null and {{ looks_like_hardware('device_id') }} then 'hardware_identifier'
        when device_no is null then 'unknown_device'
        when metric_no is null then 'unknown_metric'
        when unit <> metric_unit then 'unit_mismatch'
        when reading_type = 'delta' and quantity < 0 then 'negative_delta'
    end
{%- endmacro %}

{% macro quarantine_detail() -%}
    case
        when form_reason is not null then form_detail
        when {{ out_of_range('device_ts') }} then 'device_ts is before 1970 or from 2100 on'
        when {{ out_of_range('received_at') }} then 'received_at is before 1970 or from 2100 on'
        when sent_ts > '-infinity' and {{ out_of_range('sent_ts') }} then 'sent_ts is before 1970 or from 2100 on'
        when {{ utc_day('received_at') }} not between received_date - 1 and received_date + 1
            then 'received_at is more than a day away from the folder date=' || received_date::text
        when tenant_no is null then 'tenant_id ' || quote_literal(left(tenant_id, 100)) || ' is not in tenants.csv'
        when tenant_region <> region then 'the tenant belongs to region ' || tenant_region || ', the file to ' || region
        when device_no is null and {{ looks_like_hardware('device_id') }} then 'device_id is a hardware identifier; use an alias'
        when device_no is null
            then 'device_id ' || quote_literal(left(device_id, 100)) || ' is not in devices.csv for this tenant'
        when metric_no is null then 'metric ' || quote_literal(left(metric, 100)) || ' is not in metrics.csv'
        when unit <> metric_unit
            then 'unit ' || quote_literal(left(unit, 100)) || ' where metrics.csv declares ' || metric_unit
        when reading_type = 'delta' and quantity < 0 then 'a delta cannot be negative'
    end
{%- endmacro %}

{# RULES 22: a clock at 1970 is a wrong clock, not an impossible one. #}
{% macro out_of_range(stamp) -%}
    ({{ stamp }} < '1970-01-01 00:00:00+00' or {{ stamp }} >= '2100-01-01 00:00:00+00')
{%- endmacro %}

{% macro utc_day(instant) -%}
    (({{ instant }}) at time zone 'UTC')::date
{%- endmacro %}

{#
    MAC and EUI-64 with separators, or bare with a letter among the digits (a number alone may be anybody's counter),
    and IMEI (15 digits). An alias is the platform's own name; a hardware
    identifier in its place would put what identifies a household into tables, logs and invoices.
#}
{% macro looks_like_hardware(identifier) -%}
    ({{ identifier }} ~* '^([0-9a-f]{2}[:-]){5}([0-9a-f]{2}[:-]){0,2}[0-9a-f]{2}$'
        or {{ identifier }} ~* '^([0-9a-f]{4}\.){2,3}[0-9a-f]{4}$'
        or {{ identifier }} ~* '^(?=.*[a-f])([0-9a-f]{12}|[0-9a-f]{16})$'
        or {{ identifier }} ~ '^[0-9]{15}$')
{%- endmacro %}
