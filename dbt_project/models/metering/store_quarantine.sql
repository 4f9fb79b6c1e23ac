{{ config(materialized='store', into='quarantine', tags=['load']) }}

-- Rows that failed a rule of their own, with the text to judge them by.
select
    message.load_id,
    message.row_number,
    coalesce(message.tenant_id, tenant.tenant_id) as tenant_id,
    message.reason,
    message.detail,
    coalesce({{ masked_raw('odd.raw_text', 'field.device_id') }}, {{ rendered_message('message') }}) as raw
from {{ ref('int_messages') }} as message
left join {{ source('raw', 'odd_messages') }} as odd
    on message.load_id = odd.load_id and message.row_number = odd.row_number
left join {{ ref('stg_odd_fields') }} as field
    on message.load_id = field.load_id and message.row_number = field.row_number
left join {{ source('registry', 'tenants') }} as tenant on message.tenant_no = tenant.tenant_no
where message.reason is not null
