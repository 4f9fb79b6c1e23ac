{{ published_usage(ref('int_usage_days')) }}
