"""Configuration: CSVs to checked, versioned rows of `config.*`. No Dagster and no metering rule belongs here."""
