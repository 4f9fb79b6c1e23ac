{{ published_usage(ref('int_usage_minutes')) }}
