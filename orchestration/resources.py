"""What assets are given: the settings of this platform and dbt. Tests override them."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from dagster import ConfigurableResource

from orchestration import dbt_runs
from orchestration.database.connection import connect
from orchestration.lanes import ONE_LANE
from orchestration.observability.lines import is_json
from orchestration.settings import Settings

LOG = logging.getLogger("meterline.dbt")
# Levels of dbt's messages that are for people.
LEVELS = {"info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


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


class Dbt(ConfigurableResource):  # type: ignore[type-arg]
    """dbt on this repository's project, in the process of the step."""

    def build(self, *selection: str, step: str, lanes: Sequence[int] = ONE_LANE) -> Generator[Any]:
        """Build models with the tests of their data; yields dbt's events, and prints what they say to people.

        With several lanes (by the numbers of their first tenants), the models of a load in each of them.
        Unit tests judge the code, not the data: they run in the test suite, not in every run of the pipeline.
        Raises DbtError.
        """
        arguments = ["build", "--exclude-resource-type", "unit_test", *selection]
        with closing(_running(Settings.from_environment(), arguments, step, lanes)) as events:
            for event in events:
                if event.info.level in LEVELS:
                    print(event.info.msg, flush=True)
                    if is_json():
                        LOG.log(LEVELS[event.info.level], event.info.msg, extra={"node": _node(event)})
                yield event

    def rate(self) -> None:
        """Rate what was asked for in `ledger.close_requests` by the models of a close. Raises DbtError."""
        for _ in self.build("--select", "tag:close", step="close"):
            pass


def _running(settings: Settings, arguments: list[str], step: str, lanes: Sequence[int]) -> Generator[Any]:
    if len(lanes) == 1:
        return dbt_runs.run(settings, arguments, step)
    # It needs all of dbt, which a step that has nothing to do with it is spared.
    from orchestration import dbt_lanes

    return dbt_lanes.run(settings, arguments, step, lanes)


def _node(event: Any) -> str:
    """The model or test that an event is about; empty where it is about none."""
    return str(event.data.node_info.unique_id) if hasattr(event.data, "node_info") else ""
