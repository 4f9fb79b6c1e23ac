{{ config(tags=['facts']) }}

select
    fact_no,
    fact ->> 'id' as fact_id,
    fact ->> 'model' as model,
    coalesce(stated.body -> 'params', '{}'::jsonb) as params,
    stated.body,
    fact -> 'expected_amount' as expected,
    coalesce(fact #>> '{rounding,mode}', 'none') as rounding_mode,
    coalesce((fact #>> '{rounding,places}')::integer, 0) as rounding_places
from {{ source('rating', 'facts') }}
-- A parameter that is null is one that is not there.
cross join lateral (select jsonb_strip_nulls(fact) as body) as stated
where refused_because is null
