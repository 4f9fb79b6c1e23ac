"""Models that score metered use: no Dagster, no SQL rules."""
