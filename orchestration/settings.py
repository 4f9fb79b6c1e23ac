"""Where things are: the environment read once, in one place. No default here contains a secret."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from upath import UPath

from orchestration.errors import BadInputError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT = PROJECT_ROOT / "dbt_project"
# Before telemetry of this kind was common; an earlier default only makes the UI's partition bar longer.
FIRST_DAY = "2010-01-01"
SHARDS_VARIABLE = "METERLINE_SHARDS"
# What Citus allows.
MOST_SHARDS = 64_000
LANES_VARIABLE = "METERLINE_LANES"
# Of a database beside this process; every lane has a session of its own there, and sorts in its own memory.
MOST_LANES, MOST_LANES_UNASKED = 16, 4


@dataclass(frozen=True)
class Settings:
    """The environment of one platform.

    `METERLINE_HOME` (default `.meterline`) holds the embedded database, Dagster's files and the demo's landing zone;
    `METERLINE_DATABASE_URL`, `METERLINE_LANDING`, `METERLINE_CONFIG`, `METERLINE_ARTIFACTS` and `METERLINE_ARCHIVE`
    replace the parts they name. `METERLINE_SHARDS` spreads the database over the nodes of a Citus cluster,
    `METERLINE_LANES` says in how many lanes a load of many messages is metered.
    """

    home: Path
    database_url: str | None
    landing_url: str | None
    config_url: str | None
    artifacts_url: str | None = None
    archive_url: str | None = None
    shards: int | None = None
    lanes: int = 1

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the `METERLINE_*` variables; an empty one counts as absent. Raises BadInputError."""
        return cls(
            home=Path(os.environ.get("METERLINE_HOME") or ".meterline").expanduser().resolve(),
            database_url=os.environ.get("METERLINE_DATABASE_URL") or None,
            landing_url=os.environ.get("METERLINE_LANDING") or None,
            config_url=os.environ.get("METERLINE_CONFIG") or None,
            artifacts_url=os.environ.get("METERLINE_ARTIFACTS") or None,
            archive_url=os.environ.get("METERLINE_ARCHIVE") or None,
            shards=_shards(),
            lanes=_lanes(),
        )

    @cached_property
    def landing(self) -> UPath:
        """Root of the landing zone; any fsspec URL."""
        return UPath(self.landing_url) if self.landing_url else UPath(self.home / "landing")

    @cached_property
    def artifacts(self) -> UPath:
        """Root of what models leave: their files and the snapshots they were made from; any URL that MLflow knows."""
        return UPath(self.artifacts_url) if self.artifacts_url else UPath(self.home / "artifacts")

    @cached_property
    def archive(self) -> UPath:
        """Root of the months that left the event store; any fsspec URL."""
        return UPath(self.archive_url) if self.archive_url else UPath(self.home / "archive")

    @cached_property
    def config_folder(self) -> Path:
        """Folder of the configuration CSVs.

        Raises BadInputError when it is not a folder.
        """
        folder = Path(self.config_url).expanduser().resolve() if self.config_url else DBT_PROJECT / "config"
        if not folder.is_dir():
            raise BadInputError(
                f"{folder}: no such configuration folder; set METERLINE_CONFIG to the folder of the CSVs"
            )
        return folder


def _shards() -> int | None:
    said = os.environ.get(SHARDS_VARIABLE)
    if not said:
        return None
    if not said.isdecimal() or not 1 <= int(said) <= MOST_SHARDS:
        raise BadInputError(
            f"{SHARDS_VARIABLE}={said}: say into how many shards tables are spread, 1 to {MOST_SHARDS:,} "
            "(twice the cores of all nodes is a good number), or unset it where the database is one machine"
        )
    return int(said)


def _lanes() -> int:
    """As many as are asked for; else one, or where the database is this platform's own, one for each core."""
    if os.environ.get(SHARDS_VARIABLE):
        if os.environ.get(LANES_VARIABLE, "1") != "1":
            raise BadInputError(
                f"{LANES_VARIABLE}: nodes share the work out by themselves ({SHARDS_VARIABLE}); unset it"
            )
        return 1
    said = os.environ.get(LANES_VARIABLE)
    if not said:
        is_own = not os.environ.get("METERLINE_DATABASE_URL")
        return min(os.cpu_count() or 1, MOST_LANES_UNASKED) if is_own else 1
    if not said.isdecimal() or not 1 <= int(said) <= MOST_LANES:
        raise BadInputError(
            f"{LANES_VARIABLE}={said}: say in how many lanes a load is metered, 1 to {MOST_LANES} "
            "(cores of the database's machine), or unset it"
        )
    return int(said)
