"""PostgreSQL: the embedded server, connections under a role, migrations. No Dagster, no metering rule."""
