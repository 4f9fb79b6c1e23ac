select
    decision_no,
    rate_card_id,
    rate_card_version,
    decision,
    cohort,
    decided_by,
    reason,
    decided_at,
    close_id as simulation_id,
    content_sha256,
    config_load_id
from {{ source('store', 'rate_decisions') }}
