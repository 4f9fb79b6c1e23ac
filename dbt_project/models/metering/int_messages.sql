{{ config(
    materialized='scratch',
    tags=['load'],
    pre_hook=[{'sql': "{{ register_odd_names() }}", 'transaction': false}, "{{ joins_of_loads() }}"]
) }}

-- Every claimed message, judged on its own.
select
    -- No tenant is number 0: what is spread by tenant lies somewhere, what is refused included.
    coalesce(tenant_no, 0) as tenant_no, device_no, metric_no, seq_epoch, msg_seq,
    {{ arrival() }},
    tenant_id,
    reason,
    case when reason is not null then {{ quarantine_detail() }} end as detail
from (
    select *, {{ quarantine_reason() }} as reason
    from {{ ref('stg_messages') }}
    where {{ in_lane('coalesce(tenant_no, 0)') }}
    -- Fenced, or the rules would be asked once more for each message, before anything is said of it.
    {{ fence() }}
) as judged
