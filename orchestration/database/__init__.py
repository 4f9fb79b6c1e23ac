"""PostgreSQL: the embedded server, connections under a role, migrations. No Dagster and no metering rule belongs here."""
