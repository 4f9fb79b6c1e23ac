{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- The lines of an invoice in the order in which they follow from one another (RULES 27): charges, discounts, what the
-- terms of the whole add or take, and last what a person approved.
with lines as (
    select {{ line_columns() | join(', ') }}, 0 as part_no, 0 as step_no from {{ ref('int_charge_lines') }}
    union all
    select {{ line_columns() | join(', ') }}, 1 as part_no, step_no from {{ ref('int_discount_lines') }}
    union all
    select {{ line_columns() | join(', ') }}, 2 as part_no, step_no from {{ ref('int_spend_lines') }}
    union all
    select {{ line_columns() | join(', ') }}, 3 as part_no, step_no from {{ ref('int_annual_minimums') }}
    union all
    select {{ line_columns() | join(', ') }}, 4 as part_no, 0 as step_no from {{ ref('int_adjustment_lines') }}
)

select
    {{ line_columns() | join(', ') }},
    row_number() over (
        partition by tenant_no, period_no, invoice_version
        order by
            part_no, step_no, metric collate "C" nulls last, charge_basis collate "C" nulls last,
            charge collate "C" nulls last, rate_card_version nulls last, part collate "C" nulls last,
            tier_number nulls last, line_type collate "C", description collate "C"
    )::integer as line_number
from lines
