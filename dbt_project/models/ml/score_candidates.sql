-- What the scores gate looks at. A value that is not a number counts as missing; limits are the gate's.
with candidates as (
    select
        candidate.*,
        candidate.horizon_days is not null as is_forecast,
        {% for column in [
            'score', 'threshold', 'observed_quantity', 'predicted_quantity', 'lower_quantity', 'upper_quantity'
        ] -%}
        case when abs(candidate.{{ column }}) < 'infinity'::double precision then candidate.{{ column }} end
            as known_{{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ source('store', 'score_candidates') }} as candidate
)

select
    score_id,
    model_name,
    tenant_id,
    device_id,
    metric,
    subject_date,
    known_score as score,
    known_threshold as threshold,
    known_predicted_quantity as predicted_quantity,
    known_lower_quantity as lower_quantity,
    known_upper_quantity as upper_quantity,
    case
        when is_forecast then num_nulls(
            known_observed_quantity, known_predicted_quantity, known_lower_quantity, known_upper_quantity,
            first_event_at, last_event_at, event_count
        )
        else num_nulls(
            known_observed_quantity, known_score, known_threshold, first_event_at, last_event_at, event_count
        )
    end as missing_value_count,
    greatest(known_lower_quantity - known_predicted_quantity, known_predicted_quantity - known_upper_quantity)
        as interval_disorder,
    case when (explanation ->> 'least_day')::numeric >= 0 then known_lower_quantity - known_observed_quantity end
        as least_further_use,
    event_count,
    extract(epoch from last_event_at - first_event_at)::double precision as event_range_seconds,
    artifact_sha256,
    snapshot_sha256
from candidates
