{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_register_silences)") }}

-- Silences that reach the end of a period and are longer than the expected interval, cut by periods: of a silence that
-- is over those before the rated one, of one that goes on that one itself. They end when the device was retired.
select
    silence.kind, silence.tenant_no, silence.period_no, silence.invoice_version, silence.device_no, silence.metric_no,
    silence.silent_from_at, silence.is_over,
    greatest(silence.silent_from_at, silent_in.period_start_at) as bucket_start_at,
    least(silent_in.period_end_at, silence.retired_at) as estimated_until_at
from {{ ref('int_register_silences') }} as silence
inner join {{ source('store', 'periods') }} as silent_in
    on silence.tenant_no = silent_in.tenant_no
    and silence.silent_from_at < silent_in.period_end_at
    and case
        when silence.is_over then silent_in.period_end_at <= silence.period_start_at
        else silent_in.period_no = silence.period_no
    end
inner join {{ ref('stg_config__contracts') }} as contract
    on silent_in.tenant_no = contract.tenant_no
    and silent_in.contract_id = contract.contract_id
    and {{ in_force('contract', 'silence.config_load_id') }}
where
    contract.estimation <> 'none'
    and least(silent_in.period_end_at, silence.retired_at) - silence.silent_from_at > silence.expected_interval
    and least(silent_in.period_end_at, silence.retired_at) > silent_in.period_start_at
