"""Landing files to raw tables, and a simulator that writes landing files. Nothing here imports dagster."""
