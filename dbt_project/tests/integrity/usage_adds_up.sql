{{ config(tags=['audit']) }}

-- Events = minutes = hours = days = period, to the last decimal (DESIGN section 4, Conservation).
select * from {{ ref('usage_differences') }}
