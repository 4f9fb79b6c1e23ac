-- The registry has every unit that was ever delivered, so conversions are worked out once for each and not for each
-- message. Both sides of the pair exist: register_odd_names gives the converted side its number first.
select
    conversion.metric_no,
    delivered.traits_no,
    converted.traits_no as converted_traits_no,
    conversion.factor,
    conversion.offset_quantity
from {{ ref('stg_config__unit_conversions') }} as conversion
inner join {{ ref('stg_config__metrics') }} as metric
    on conversion.metric_no = metric.metric_no and metric.valid_to_load is null
inner join {{ source('registry', 'traits') }} as delivered on conversion.unit = delivered.unit
inner join {{ source('registry', 'traits') }} as converted
    on metric.unit = converted.unit
    and delivered.quality is not distinct from converted.quality
    and delivered.attributes is not distinct from converted.attributes
where conversion.valid_to_load is null
