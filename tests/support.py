"""Helpers that several tests use."""

from __future__ import annotations

import os
from unittest import mock

from orchestration.database.connection import libpq_environment
from orchestration.settings import DBT_PROJECT, Settings


def run_dbt(settings: Settings, *arguments: str) -> None:
    """Run dbt in this process against the platform of `settings`.

    Raises AssertionError with dbt's messages when a model or a test of the data fails.
    """
    # dbt takes seconds to import, so only a test that runs it pays for it.
    from dbt.cli.main import dbtRunner

    target = settings.home / "dbt"
    environment = libpq_environment(settings) | {"METERLINE_DBT_TARGET_PATH": str(target), "DO_NOT_TRACK": "1"}
    folders = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    outputs = ["--target-path", str(target), "--log-path", str(target / "logs")]
    with mock.patch.dict(os.environ, environment):
        finished = dbtRunner().invoke(["--quiet", *arguments, *folders, *outputs])
    if not finished.success:
        nodes = getattr(finished.result, "results", None) or []
        problems = [f"{node.node.name}: {node.message}" for node in nodes if node.status in ("error", "fail")]
        raise AssertionError("\n".join(problems) or str(finished.exception))
