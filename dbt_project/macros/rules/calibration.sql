{# The calibration of the event's meter at the event's time, as `calibration`; `as_of` says which configuration holds. #}
{% macro calibrated_by(event, as_of='calibration.valid_to_load is null') -%}
    left join {{ ref('stg_config__calibrations') }} as calibration
        on {{ event }}.device_no = calibration.device_no
        and {{ event }}.metric_no = calibration.metric_no
        and {{ event }}.event_at >= calibration.starts_at
        and {{ event }}.event_at < calibration.ends_at
        and {{ as_of }}
{%- endmacro %}

{# What a number of the meter counts, to the ten decimals of a quantity; without a calibration as much as it says. #}
{% macro calibrated(quantity) -%}
    (case
        when calibration.device_no is null then {{ quantity }}
        else {{ quantity }} * calibration.multiplier + calibration.offset_quantity
    end)::numeric(30, 10)
{%- endmacro %}

{# The number of a stored event: as delivered, or as the newest edit says; `as_of` says which edits are known. #}
{% macro edited_quantity(event, as_of='true') -%}
    coalesce((
        select edited.quantity
        from {{ source('store', 'edits') }} as edited
        where
            {{ same_identity('edited', event) }}
            and edited.stored_device_ts = {{ event }}.stored_device_ts
            and {{ as_of }}
        order by edited.edit_no desc
        limit 1
    ), {{ event }}.quantity)
{%- endmacro %}
