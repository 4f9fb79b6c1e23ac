"""Getting a database ready for the platform: migrations, and the environment that Dagster and dbt read."""

from __future__ import annotations

import os
from pathlib import Path

from orchestration.database import connection, distribution, migrations
from orchestration.settings import DBT_PROJECT, Settings

# Storage in the platform's database, so that every run of every process shows in one UI. Runs that process telemetry
# or close periods take turns: by pool whoever launched them from the UI, by tag beside a run of the command line, which
# does not queue. What is said of runs is heard by a handler of ours, in whichever process they run. Nothing is sent to
# anybody.
DAGSTER_CONFIGURATION = """\
# Written by Meterline.
storage:
  postgres:
    postgres_url:
      env: METERLINE_DAGSTER_URL
telemetry:
  enabled: false
concurrency:
  pools:
    granularity: run
    default_limit: 1
  runs:
    max_concurrent_runs: 4
    tag_concurrency_limits:
      - key: meterline/lock
        value:
          applyLimitPerUniqueValue: true
        limit: 1
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  cancel_timeout_seconds: 120
run_retries:
  enabled: true
  max_retries: 1
  retry_on_asset_or_op_failure: false
nux:
  enabled: false
python_logs:
  dagster_handler_config:
    handlers:
      meterline:
        class: orchestration.observability.runs.RunHandler
"""


# What a program started by hand needs to find the same database.
EXPORTED = (
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "PGPASSWORD",
    "PGDATABASE",
    "DAGSTER_HOME",
    "METERLINE_HOME",
    "METERLINE_SHARDS",
    "METERLINE_DAGSTER_URL",
    "DAGSTER_EVENT_BATCH_SIZE",
    "DBT_PROJECT_DIR",
    "DBT_PROFILES_DIR",
    "DBT_TARGET_PATH",
    "DO_NOT_TRACK",
)


def ready(settings: Settings) -> None:
    """Start or reach the database, migrate it, and set the variables that Dagster and dbt read.

    Cheap when there is nothing to do. Raises BadInputError when the database cannot be reached or prepared.
    """
    with connection.connect(settings, autocommit=True) as session:
        migrations.apply(session)
        distribution.apply(session, settings.shards)
    dagster_home = settings.home / "dagster"
    dagster_home.mkdir(parents=True, exist_ok=True)
    _write_if_changed(dagster_home / "dagster.yaml", DAGSTER_CONFIGURATION)
    os.environ.update(connection.database_environment(settings))
    os.environ["METERLINE_DAGSTER_URL"] = connection.sqlalchemy_url(settings, "dagster")
    os.environ["METERLINE_HOME"] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    # A run over many days notes each of them for each asset: one by one, every note is a connection and a commit.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
    os.environ["DBT_PROJECT_DIR"] = os.environ["DBT_PROFILES_DIR"] = str(DBT_PROJECT)
    os.environ["DBT_TARGET_PATH"] = str(settings.home / "dbt")
    os.environ["DO_NOT_TRACK"] = "1"


def _write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
