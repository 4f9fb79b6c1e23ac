{# From the lines of charges to what is owed (RULES 27, 28): bounds, discounts, tax, prepaid credits. #}

{# To the minor unit, half away from zero unless the card says otherwise. #}
{% macro rounded_money(amount, currency_code, rounding_mode) -%}
    case
        when {{ rounding_mode }} <> 'half_up'
            then {{ rounded(amount, rounding_mode, minor_unit_digits(currency_code)) }}
        else {{ round_money(amount, currency_code) }}
    end
{%- endmacro %}

{# A line about a whole invoice, or about a metric of it: it has no price, tier or use. #}
{% macro spend_line(source, line_type, metric, amount, description) -%}
    {{ source }}.tenant_no,
    {{ source }}.period_no,
    {{ source }}.invoice_version,
    {{ line_type }} as line_type,
    {{ metric }}::text as metric,
    null::text as charge_basis,
    null::text as charge,
    null::text as part,
    null::text as rate_card_id,
    null::integer as rate_card_version,
    null::text as price_model,
    null::integer as tier_number,
    1::numeric(30, 10) as quantity,
    null::numeric(20, 10) as unit_price,
    0::numeric(30, 10) as estimated_quantity,
    ({{ amount }})::numeric(20, 4) as amount,
    {{ description }} as description,
    '' as quality_flags
{%- endmacro %}

{# Until when is paid what ends at an instant: with an inclusive end until its day is over, at most until `last_at`. #}
{% macro paid_until(end_at, last_at) -%}
    case
        when proration_end = 'inclusive' and {{ end_at }} < {{ last_at }} then least(
            {{ local_midnight(local_date(end_at, 'time_zone') ~ ' + 1', 'time_zone') }}, {{ last_at }}
        )
        else {{ end_at }}
    end
{%- endmacro %}

{# Days of the cycle that a period pays, where they are more than those it covers. #}
{% macro paid_days(paid) -%}
    least(
        {{ paid }}.proration_numerator
        + {{ local_date(paid ~ ".paid_until_at - interval '1 microsecond'", paid ~ '.time_zone') }}
        - {{ local_date(paid ~ ".period_end_at - interval '1 microsecond'", paid ~ '.time_zone') }},
        {{ paid }}.proration_denominator
    )
{%- endmacro %}

{# The first date of the whole billing cycle that a clipped period lies in. #}
{% macro cycle_start_date(local_date, contract) -%}
    case {{ contract }}.billing_cycle
        when 'monthly' then (
            select max(anchored.cycle_date)
            from (values (0), (1)) as back (months)
            cross join lateral (
                select {{ anchored_date(
                    "(date_trunc('month', (" ~ local_date ~ ")::timestamp) - back.months * interval '1 month')::date",
                    contract ~ '.anchor_day'
                ) }} as cycle_date
            ) as anchored
            where anchored.cycle_date <= {{ local_date }}
        )
        when 'weekly' then
            {{ local_date }}
            - (extract(isodow from {{ local_date }})::integer - {{ contract }}.anchor_day + 7) % 7
        else (
            select calendar.cycle_start_date
            from {{ ref('stg_config__calendars') }} as calendar
            where
                calendar.calendar = {{ contract }}.billing_cycle
                and {{ local_date }} >= calendar.cycle_start_date
                and {{ local_date }} < calendar.cycle_end_date
        )
    end
{%- endmacro %}

{# What a discount takes off: its amount, never more than is left; or of each part of what is left its tier's percent. #}
{% macro discounted_amount(discount, left_amount) -%}
    case
        when {{ left_amount }} <= 0 then 0
        when {{ discount }}.amount is null then (
            select coalesce(sum(
                (least({{ left_amount }}, (tier.value ->> 1)::numeric) - (tier.value ->> 0)::numeric)
                * (tier.value ->> 2)::numeric * 0.01
            ), 0)
            from jsonb_array_elements({{ discount }}.tiers) as tier (value)
            where {{ left_amount }} > (tier.value ->> 0)::numeric
        )
        when {{ left_amount }} >= {{ discount }}.spend_from then least({{ discount }}.amount, {{ left_amount }})
        else 0
    end
{%- endmacro %}

{# One tax of an amount that does not hold it, or of one that holds it together with the others of `total_percent`. #}
{% macro tax_on(amount, tax, terms) -%}
    {{ rounded_money(
        'case ' ~ terms ~ ".tax_behavior when 'inclusive'"
        ~ ' then (' ~ amount ~ ' * ' ~ tax ~ '.percent)::numeric(60, 20) / (100 + ' ~ tax ~ '.total_percent)'
        ~ ' else ' ~ amount ~ ' * ' ~ tax ~ '.percent * 0.01 end',
        terms ~ '.currency_code', terms ~ '.rounding_mode'
    ) }}
{%- endmacro %}

{# Whether a draw of a credit stands: that of a version which a later one replaced, or which was made void, does not. #}
{% macro is_newest_draw(application) -%}
    not exists (
        select 1 from {{ source('store', 'period_closes') }} as later
        where
            later.tenant_no = {{ application }}.tenant_no
            and later.period_no = {{ application }}.period_no
            and later.invoice_version > {{ application }}.invoice_version
    )
    and not exists (
        select 1 from {{ source('store', 'invoice_transitions') }} as move
        where {{ same_version('move', application) }} and move.to_status = 'void'
    )
{%- endmacro %}

{# The discount of a tenant or a card that holds on the period's first local date. #}
{% macro is_discounted(period, discount) -%}
    {{ period }}.period_start_date >= {{ discount }}.starts_date
    and {{ period }}.period_start_date < {{ discount }}.ends_date
    and {{ in_force(discount, period ~ '.config_load_id') }}
{%- endmacro %}

{% macro discount_words(taken, discount) -%}
    coalesce({{ taken }}.metric || ': ', '') || 'discount ' || {{ discount }}.discount_id
    || case
        when {{ discount }}.amount is not null then ' of ' || {{ price_words(discount ~ '.amount') }}
        when jsonb_array_length({{ discount }}.tiers) > 1 then ' by tiers of spend'
        else format(' of %s %%', {{ number_words("(" ~ discount ~ ".tiers #>> '{0,2}')::numeric") }})
    end
    || ' on ' || {{ price_words(taken ~ '.base_amount') }}
    || case
        when jsonb_array_length({{ discount }}.tiers) = 1 and {{ discount }}.spend_from > 0
            then ', from a spend of ' || {{ price_words(discount ~ '.spend_from') }}
        else ''
    end
{%- endmacro %}

{% macro bound_words(name, amount, difference) -%}
    '{{ name }} of ' || {{ price_words('agreed.' ~ amount) }}
    || {{ proration_words('agreed', 'agreed.proration_unit') }} || ': {{ difference }}'
{%- endmacro %}

{% macro overage_words(agreed) -%}
    'spend above the commitment of ' || {{ price_words(agreed ~ '.commitment_amount') }}
    || {{ proration_words(agreed, agreed ~ '.proration_unit') }}
    || ' costs ' || {{ number_words(agreed ~ '.overage_factor') }} || ' times'
{%- endmacro %}

{# The tax that comes to the lines of an invoice, and is not contained in them. #}
{% macro tax_on_top(invoice) -%}
    case when {{ invoice }}.is_tax_included then 0 else {{ invoice }}.tax_amount end
{%- endmacro %}

{# What the lines of an invoice come to: the subtotal, and the tax that is contained in them. #}
{% macro lines_amount(invoice) -%}
    ({{ invoice }}.subtotal_amount + {{ invoice }}.tax_amount - {{ tax_on_top(invoice) }})
{%- endmacro %}
