{{ config(materialized='scratch', tags=['facts']) }}

-- Quantities that a tiered price prices, each alone. A fact has one, or one per window, item, unit, or snapshot.
with stated as (
    select
        facts.*,
        case
            -- What use 0 bills may stand beside a price that is held within another.
            when model in ('windowed', 'progressive_split', 'late_delta', 'unit_conversion')
                then jsonb_build_object('zero_quantity', params -> 'zero_quantity') || (params -> 'price')
            else params || jsonb_build_object('model', model)
        end as price
    from {{ ref('stg_rating__facts') }} as facts
),

-- An amount that the caller priced costs its multiplier a unit.
prices as (
    select
        fact_no, model, params, body,
        case
            when price ->> 'model' = 'dynamic' then
                jsonb_build_object('model', 'per_unit', 'unit_price', coalesce(params #> '{price,multiplier}', '1'))
            else price
        end as price
    from stated
),

elements as (
    select prices.*, element.value as element, element.ordinality::integer as element_no
    from prices
    cross join lateral jsonb_array_elements(body -> 'series') with ordinality as element (value, ordinality)
),

steps as (
    select fact_no, 1 as step_no, price, (body ->> 'quantity')::numeric as quantity
    from prices
    where model in ('per_unit', 'volume', 'graduated', 'graduated_percentage', 'package')

    union all

    select fact_no, element_no, price, coalesce(element ->> 'quantity', element #>> '{}')::numeric
    from elements
    where model = 'windowed'

    union all

    -- What the period comes to with this part of it and before it.
    select
        fact_no, part.step_no, price,
        coalesce((params ->> 'pre_quantity')::numeric, 0) + part.share * (params ->> 'line_quantity')::numeric
    from prices
    cross join (values (1, 1), (2, 0)) as part (step_no, share)
    where model = 'progressive_split' and (part.share = 1 or (params ->> 'has_previous')::boolean)

    union all

    select
        fact_no, element_no, price,
        {{ after_usage_discount("(element ->> 'cumulative_quantity')::numeric", 'params') }}
    from elements
    where model = 'late_delta'

    union all

    select fact_no, 1, price, {{ unit_converted("(body ->> 'quantity')::numeric", 'params') }}
    from prices
    where model = 'unit_conversion' and price is not null

    union all

    select
        fact_no, item.ordinality::integer,
        jsonb_build_object('model', 'per_unit', 'unit_price', params #>> array['cells', item.value ->> 'key']),
        (item.value ->> 'quantity')::numeric
    from prices
    cross join lateral jsonb_array_elements(body -> 'items') with ordinality as item (value, ordinality)
    where model = 'matrix'

    union all

    select
        fact_no, unit.ordinality::integer,
        jsonb_build_object(
            'model', case params ->> 'policy' when 'top_tier' then 'top_block' else 'block_tiers' end,
            'blocks', unit.tiers
        ),
        coalesce(body #>> array['quantities', unit.name], '0')::numeric
    from prices
    cross join lateral jsonb_each(params -> 'units') with ordinality as unit (name, tiers, ordinality)
    where model = 'block_tiers'
)

select
    fact_no,
    step_no,
    price ->> 'model' as price_name,
    case
        when price ->> 'model' = 'package' and price ->> 'package_rounding' = 'down' then 'whole_packages'
        else price ->> 'model'
    end as price_model,
    price,
    coalesce(price ->> 'zero_quantity', 'no_charge') as zero_quantity,
    -- What the tier is chosen by, and what it prices.
    case when price ->> 'tier_select' = 'ceil_quantity' then ceil(net.quantity) else net.quantity end as tier_basis,
    coalesce((price ->> 'billed_quantity')::numeric, net.quantity) as quantity
from steps
cross join lateral (
    select case
        when price ->> 'model' = 'per_unit' then steps.quantity
        else greatest(steps.quantity - coalesce((price ->> 'free_units')::numeric, 0), 0)
    end as quantity
) as net
