"""What assets are given: the settings of this platform and dbt. Tests override them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import metadata
from pathlib import Path

import psycopg
from dagster import ConfigurableResource
from dagster_dbt import DbtCliResource
from packaging.version import Version

from orchestration.database.connection import connect
from orchestration.settings import DBT_PROJECT, Settings


class Platform(ConfigurableResource):  # type: ignore[type-arg]
    """The platform that a code location serves, found through the `METERLINE_*` variables."""

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return Settings.from_environment()

    @contextmanager
    def session(self, role: str | None = None, *, autocommit: bool = False) -> Iterator[psycopg.Connection]:
        """A database session as `role`; see `orchestration.database.connection.connect`."""
        with connect(self.settings, role, autocommit=autocommit) as session:
            yield session


class InstalledDbt(DbtCliResource):
    """The dbt that is installed beside the running interpreter, started without two seconds of enquiries each.

    Columns and their lineage are attached from what the deployment found, so that this process needs no adapter.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # type: ignore[override]
        return None


def dbt_resource() -> DbtCliResource:
    """dbt on this repository's project."""
    return InstalledDbt(
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        dbt_executable=str(Path(sys.executable).with_name("dbt")),
    )
