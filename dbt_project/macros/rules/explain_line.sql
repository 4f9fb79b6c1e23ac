{# How the amount of a line came about, in numbers that can be computed again from left to right. #}
{% macro explanation_words(line) -%}
    case
        when {{ line }}.line_type in ('usage', 'package', 'credit') then
            {{ number_words(line ~ '.measured_quantity') }} || ' measured'
            || case
                when {{ line }}.included_quantity > 0
                    then ' - ' || {{ number_words(line ~ '.included_quantity') }} || ' included'
                else ''
            end
            || case
                when {{ line }}.quantity_before > 0
                    then ', after ' || {{ number_words(line ~ '.quantity_before') }} || ' earlier in the period'
                else ''
            end
            || case when {{ line }}.part is not null then '; ' || {{ line }}.part else '' end
            || '; tier ' || {{ line }}.tier_number::text || ' ('
            || {{ tier_range_words(line ~ '.lower_bound', line ~ '.up_to') }} || ') prices '
            || {{ number_words(line ~ '.tier_quantity') }}
            || case
                when {{ line }}.line_type = 'package'
                    then ', packages of ' || {{ number_words(line ~ '.package_size') }} || ': '
                    || {{ number_words(line ~ '.quantity') }}
                else ''
            end
            || '; '
        else ''
    end
    || {{ number_words(line ~ '.quantity') }} || ' x ' || {{ price_words(line ~ '.unit_price') }}
    || case
        when
            {{ line }}.proration_numerator <> {{ line }}.proration_denominator
            and (
                {{ line }}.price_model = 'flat'
                -- Devices are counted over the period, and paid for the days of a part of it.
                or (
                    {{ line }}.charge_basis = 'active_devices'
                    and {{ line }}.exact_amount <> {{ line }}.quantity * {{ line }}.unit_price
                )
            )
            then format(
                ' x %s / %s %s', {{ line }}.proration_numerator, {{ line }}.proration_denominator,
                -- No cycle has as many days as the shortest has seconds.
                case when {{ line }}.proration_denominator < 82800 then 'days' else 'seconds' end
            )
        else ''
    end
    || ' = ' || {{ price_words('round(' ~ line ~ '.exact_amount, 10)') }}
    || case
        when {{ line }}.exact_amount <> {{ line }}.amount
            then ', rounded ' || {{ price_words(line ~ '.amount') }}
        else ''
    end
{%- endmacro %}
