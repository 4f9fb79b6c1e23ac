{{ config(
    materialized='scratch',
    tags=['load'],
    pre_hook=["{{ register_odd_names() }}", "{{ joins_of_loads() }}"]
) }}

-- Every claimed message, judged on its own, and ranked among the valid arrivals of its identity in this run.
with judged as (
    select
        *,
        {{ quarantine_reason() }} as reason,
        {{ quarantine_detail() }} as detail
    from {{ ref('stg_messages') }}
)

select
    {{ identity() }},
    {{ arrival() }},
    file_rank,
    tenant_id,
    reason,
    detail,
    row_number() over (
        partition by (reason is null), {{ identity() }}
        order by received_at, file_rank, row_number
    )::integer as arrival_rank
from judged
