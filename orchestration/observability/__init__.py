"""What operators see of the platform at work: log lines, traces and metrics. Imports no Dagster."""
