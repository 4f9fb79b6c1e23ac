{{ config(materialized='store', into='marked_events', tags=['load']) }}
-- depends_on: {{ ref('store_events') }}
-- depends_on: {{ ref('store_event_restatements') }}

-- Events of the claimed loads whose message says that something is unusual, in the period that bills them. Where no
-- message ever said so, no event is read.
with doubted as materialized (
    select distinct traits_no from {{ doubted_traits() }} as named
)

select {{ identity('event') }}, event.stored_device_ts, event.period_no
from (
    select {{ identity() }}, device_ts as stored_device_ts, period_no, disposition, traits_no
    from {{ source('store', 'events') }}
    where {{ is_claimed('load_id') }} and {{ in_lane('tenant_no') }}
    union all
    select {{ identity() }}, stored_device_ts, period_no, disposition, traits_no
    from {{ source('store', 'event_restatements') }}
    where {{ is_claimed('cause_load_id') }} and {{ in_lane('tenant_no') }}
) as event
inner join doubted using (traits_no)
where {{ is_billed('event.disposition') }} and exists (select said.traits_no from doubted as said)
