-- Everything that was refused, whichever rule refused it: rows that failed a rule of their own, arrivals that
-- contradict the kept one, events in no contract, files that could not be read.
select refused.load_id, refused.row_number, refused.tenant_id, refused.reason, refused.detail, refused.raw
from {{ source('store', 'quarantine') }} as refused
where {{ is_still_refused('refused') }}

union all

select
    repeated.load_id,
    repeated.row_number,
    tenant.tenant_id,
    'sequence_conflict' as reason,
    'msg_seq ' || repeated.msg_seq::text || ' came before with another quantity or device_ts' as detail,
    {{ rendered_message('repeated') }} as raw
from {{ ref('int_repeat_state') }} as repeated
inner join {{ source('registry', 'tenants') }} as tenant on repeated.tenant_no = tenant.tenant_no
where repeated.is_conflict

union all

select
    event.load_id,
    event.row_number,
    tenant.tenant_id,
    'no_contract' as reason,
    'event_at ' || to_char(event.event_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    || ' lies in no contract of the tenant' as detail,
    {{ rendered_message('event') }} as raw
from {{ ref('int_uncontracted_events') }} as event
inner join {{ source('registry', 'tenants') }} as tenant on event.tenant_no = tenant.tenant_no

union all

select load_id, null as row_number, null as tenant_id, 'unreadable_file' as reason, detail, '' as raw
from {{ source('ledger', 'loads') }}
where status = 'unreadable'
