{{ config(
    materialized='store',
    into='periods',
    tags=['load'],
    pre_hook=["{{ retire_periods() }}"],
    on_conflict=replace_period()
) }}

-- Before events are assigned: the periods up to what was received.
{{ changed_periods() }}
