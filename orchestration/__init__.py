"""What runs, when, on which partition, guarded by what: the Dagster side of Meterline, and what moves its bytes."""
