-- What the gates hold until it is mended or a named person decides about it.
select
    verdict.gate,
    verdict.subject,
    verdict.findings_sha256,
    finding.rule,
    finding.problem,
    finding.remedy,
    finding.is_overridable,
    finding.observed ->> 'period_ids' as period_ids,
    run.occasion,
    run.judged_at as held_at,
    verdict.gate_run_id
from {{ source('ledger', 'gate_verdicts') }} as verdict
inner join {{ source('ledger', 'gate_findings') }} as finding using (gate_run_id, subject)
inner join {{ source('ledger', 'gate_runs') }} as run using (gate_run_id)
where {{ is_standing('verdict') }}
