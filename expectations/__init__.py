"""Data-quality gates as code, one module per gate. No Dagster here."""
