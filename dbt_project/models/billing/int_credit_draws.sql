{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_credit_claims)"
) }}

-- Each credit pays what the ones before it left unpaid. Periods of one tenant that one close bills take from the same
-- credits in order of time; what an amendment gives back is there for others only once it is published, so that no
-- invoice which a gate holds lets a credit be spent twice.
with recursive steps as (
    select
        claim.*,
        payable.payable_amount,
        row_number() over (
            partition by claim.tenant_no, claim.group_no, claim.group_version
            order by claim.period_start_at, claim.period_no, claim.payment_no
        ) as step_no
    from {{ ref('int_credit_claims') }} as claim
    inner join {{ ref('int_payable_amounts') }} as payable using (tenant_no, period_no, invoice_version)
),

walk as (
    select
        tenant_no,
        group_no,
        group_version,
        0::bigint as step_no,
        null::integer as period_no,
        null::integer as invoice_version,
        null::text as credit_id,
        0::numeric as available_amount,
        0::numeric as amount,
        0::numeric as left_amount,
        '{}'::jsonb as taken
    from steps
    where step_no = 1

    union all

    select
        step.tenant_no,
        step.group_no,
        step.group_version,
        step.step_no,
        step.period_no,
        step.invoice_version,
        step.credit_id,
        found.available_amount,
        paid.amount,
        due.amount - paid.amount,
        walk.taken || jsonb_build_object(
            step.credit_id, found.taken_amount + greatest(paid.amount - step.own_amount, 0)
        )
    from walk
    inner join steps as step
        on walk.tenant_no = step.tenant_no
        and walk.group_no = step.group_no
        and walk.group_version = step.group_version
        and walk.step_no + 1 = step.step_no
    cross join lateral (
        select
            coalesce((walk.taken ->> step.credit_id)::numeric, 0) as taken_amount,
            step.balance_amount + step.own_amount - coalesce((walk.taken ->> step.credit_id)::numeric, 0)
                as available_amount
    ) as found
    cross join lateral (
        select case when step.payment_no = 1 then step.payable_amount else walk.left_amount end as amount
    ) as due
    cross join lateral (
        select greatest(least(found.available_amount, due.amount), 0) as amount
    ) as paid
)

select
    tenant_no,
    period_no,
    invoice_version,
    credit_id,
    available_amount::numeric(20, 4) as available_amount,
    amount::numeric(20, 4) as amount
from walk
where amount > 0
