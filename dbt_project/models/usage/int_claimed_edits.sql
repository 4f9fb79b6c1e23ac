{{ config(materialized='scratch', tags=['load']) }}

-- Edits of billed events that this run has claimed.
select
    edited.load_id, {{ identity('edited') }}, edited.stored_device_ts, edited.old_quantity
from {{ source('store', 'edits') }} as edited
where {{ is_claimed('edited.load_id') }} and {{ in_lane('edited.tenant_no') }}
