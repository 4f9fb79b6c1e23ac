-- Measurement times without a zone, where the source declares in which it writes. In the repeated hour the clock time
-- alone says nothing; there a device's own sequence does: the hour begins anew where the clock has not gone on.
with declared as (
    select
        message.load_id, message.row_number, message.tenant_id, message.device_id, message.metric,
        raw.local_time_of(message.device_ts) as local_at,
        case when {{ is_bigint('msg_seq') }} then message.msg_seq::numeric end as msg_seq,
        case when {{ is_bigint('seq_epoch') }} then message.seq_epoch::numeric else 0 end as seq_epoch,
        (
            select source.time_zone
            from {{ ref('stg_config__sources') }} as source
            where source.valid_to_load is null and {{ in_scope('source', 'message.tenant_id', 'loads.source_file') }}
            order by {{ closest_scope('source') }}
            limit 1
        ) as time_zone
    from {{ ref('stg_odd_fields') }} as message
    inner join {{ ref('stg_loads') }} as loads on message.load_id = loads.load_id
    where message.device_ts_type in ('text', 'local') and raw.local_time_of(message.device_ts) is not null
),

candidates as (
    select
        *,
        {{ local_midnight('local_at', 'time_zone') }} as first_at,
        local_at at time zone time_zone as second_at
    from declared
    where time_zone is not null
),

-- A redelivery is the same reading, so it is counted once.
repeated as (
    select distinct load_id, tenant_id, device_id, metric, seq_epoch, msg_seq, local_at
    from candidates
    where first_at <> second_at and msg_seq is not null
),

compared as (
    select
        *,
        coalesce(local_at <= max(local_at) over (
            partition by load_id, tenant_id, device_id, metric, local_at::date
            order by seq_epoch, msg_seq, local_at rows between unbounded preceding and 1 preceding
        ), false) as is_not_later
    from repeated
),

passes as (
    select
        *,
        bool_or(is_not_later) over (
            partition by load_id, tenant_id, device_id, metric, local_at::date order by seq_epoch, msg_seq, local_at
        ) as is_second_pass
    from compared
)

select
    candidate.load_id,
    candidate.row_number,
    case when pass.is_second_pass then candidate.second_at else candidate.first_at end as device_at
from candidates as candidate
left join passes as pass using (load_id, tenant_id, device_id, metric, seq_epoch, msg_seq, local_at)
