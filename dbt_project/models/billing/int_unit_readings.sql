{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_property_periods)") }}

-- What every reading of a property's meters counts, and since when: since the reading before it; a device that says how
-- often it reports counts no more than that interval. The use of registers is a difference, others say theirs.
with readings as (
    select
        event.closed_period_no as view_no, {{ identity('event') }}, event.stored_device_ts, event.event_at,
        event.is_skew_candidate, event.quantity, event.event_at as high_at, false as is_register
    from (
        {{ events_as_of_close(
            'closed.device_no = states.device_no and states.event_at >= closed.read_from_at'
            ~ ' and states.event_at < closed.read_to_at and states.metric_no in ('
            ~ 'select metric.metric_no from ' ~ ref('stg_config__metrics') ~ ' as metric where not '
            ~ is_register('metric') ~ ' and ' ~ is_sharable('metric')
            ~ ' and ' ~ in_force('metric', 'closed.config_load_id') ~ ')',
            '(select meter.*, meter.view_no as period_no, 0 as invoice_version from ' ~ ref('int_unit_meters')
            ~ ' as meter) as seen'
        ) }}
    ) as event
    union all
    select
        read.view_no, {{ identity('read') }}, read.stored_device_ts, read.event_at, read.is_skew_candidate,
        read.quantity, read.high_at, true
    from {{ ref('int_unit_registers') }} as read
),

timed as (
    select
        reading.*, meter.config_load_id, meter.property_id, meter.unit_id, meter.meter_role,
        case when reading.is_register then null
            else reading.event_at - meter.expected_interval_seconds * interval '1 second' end as expected_from_at,
        lag(reading.high_at) over (
            partition by reading.view_no, reading.tenant_no, reading.device_no, reading.metric_no
            order by reading.event_at, reading.seq_epoch, reading.msg_seq, reading.stored_device_ts
        ) as read_before_at
    from readings as reading
    inner join {{ ref('int_unit_meters') }} as meter
        on reading.view_no = meter.view_no
        and reading.device_no = meter.device_no
        and reading.event_at >= meter.read_from_at
        and reading.event_at < meter.read_to_at
)

select
    row_number() over () as reading_no,
    timed.view_no, timed.config_load_id, timed.property_id, timed.unit_id, timed.meter_role, timed.tenant_no,
    timed.device_no, timed.metric_no, timed.event_at, timed.is_skew_candidate, timed.quantity,
    -- A use of which nothing says when it began is all at its reading.
    case
        when greatest(timed.read_before_at, timed.expected_from_at) >= timed.event_at - {{ longest_shared_interval() }}
            then greatest(timed.read_before_at, timed.expected_from_at)
        else timed.event_at
    end as began_at
from timed
{{ metric_of('timed') }}
