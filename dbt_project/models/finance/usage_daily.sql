-- depends_on: {{ ref('store_usage_days_recomputed') }}
{{ published_usage(ref('int_usage_days')) }}
