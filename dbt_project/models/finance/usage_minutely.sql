-- depends_on: {{ ref('store_events') }}
{{ published_usage(ref('int_minute_totals')) }}
