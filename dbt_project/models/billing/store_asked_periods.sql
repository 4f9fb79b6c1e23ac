{{ config(
    materialized='store',
    into='periods',
    tags=['close'],
    on_conflict=replace_period()
) }}
-- depends_on: {{ ref('int_close_request') }}

-- Before a close rates: the periods of the month that it asks for, although nothing may have been received in it.
{{ changed_periods() }}
