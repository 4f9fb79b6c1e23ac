{{ config(tags=['facts']) }}

select
    fact_no,
    fact ->> 'id' as fact_id,
    fact ->> 'model' as model,
    coalesce(fact -> 'params', '{}'::jsonb) as params,
    fact as body,
    fact -> 'expected_amount' as expected,
    coalesce(fact #>> '{rounding,mode}', 'none') as rounding_mode,
    coalesce((fact #>> '{rounding,places}')::integer, 0) as rounding_places
from {{ source('rating', 'facts') }}
where refused_because is null
