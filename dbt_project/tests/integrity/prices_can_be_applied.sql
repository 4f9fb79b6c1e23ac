-- Prices that would leave use unbilled or could be read in two ways stop the close; each row says which and why.
with tiers as (
    select
        *,
        coalesce(lead(tier_number) over each_price, 0) as next_tier_number,
        count(*) over (partition by tenant_no, period_no, invoice_version, metric, charge_basis) as tier_count
    from {{ ref('int_period_tiers') }}
    window each_price as (
        partition by tenant_no, period_no, invoice_version, metric, charge_basis order by tier_number
    )
),

problems as (
    select
        period.rate_card_id, null::integer as rate_card_version, null as metric, null as charge_basis,
        format('no version of it is in force on %s', period.period_start_date) as problem
    from {{ ref('int_periods_to_rate') }} as period
    left join {{ ref('int_period_prices') }} as price using (tenant_no, period_no, invoice_version)
    where period.rate_card_id is not null and price.rate_card_id is null

    union all

    select
        price.rate_card_id, price.rate_card_version, price.metric, price.charge_basis,
        case
            when tier.tier_number is null then 'it has no tiers'
            when price.currency_code <> period.currency_code
                then format('it is in %s, the tenant is invoiced in %s', price.currency_code, period.currency_code)
            when tier.tier_count > 1 and price.price_model in ('flat', 'per_unit', 'package')
                then format('%s has one tier, not %s', price.price_model, tier.tier_count)
            when price.price_model = 'flat' and tier.unit_price <> 0 then 'flat bills flat_fee and would ignore unit_price'
            when price.price_model = 'package' and coalesce(price.package_size, 0) <= 0 then 'package_size is missing'
            when tier.up_to <= tier.lower_bound then format('tier %s ends where it starts', tier.tier_number)
            when tier.up_to is not null and tier.next_tier_number = 0 then 'the last tier is bounded'
            when tier.up_to is null and tier.next_tier_number > 0
                then format('tier %s is unbounded and not the last', tier.tier_number)
        end as problem
    from {{ ref('int_period_prices') }} as price
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    left join tiers as tier
        on price.tenant_no = tier.tenant_no
        and price.period_no = tier.period_no
        and price.invoice_version = tier.invoice_version
        and price.charge_basis = tier.charge_basis
        and price.metric is not distinct from tier.metric
)

select distinct * from problems
where problem is not null
