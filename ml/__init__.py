"""Models that score metered use: frames in, frames out. No Dagster, no SQL rules, nothing that changes an amount."""
