"""The dbt project as the platform runs it: its manifest, built ahead of time, and its relations, deployed once."""

from __future__ import annotations

import hashlib
from pathlib import Path

from orchestration import dbt_runs, lanes
from orchestration.database import distribution
from orchestration.database.connection import connect
from orchestration.dbt_runs import DbtError, target_folder
from orchestration.errors import MeterlineError
from orchestration.settings import DBT_PROJECT, Settings
from orchestration.turns import turn

# Working tables of lanes are made again with the columns of this release, and so are the views on them.
EMPTY_LANES = """
do $$
declare
    member regclass;
begin
    for member in select oid from pg_class where relnamespace = 'lanes'::regnamespace and relkind = 'r' loop
        execute format('drop table %s cascade', member);
    end loop;
end
$$
"""
SOURCE_SUFFIXES = {".sql", ".yml", ".yaml", ".md"}


def deployed_sha256(settings: Settings) -> str:
    """What is deployed of the project: that of a database on several machines is put otherwise in places."""
    return project_sha256() + ("" if settings.shards is None else "-spread")


def project_sha256() -> str:
    """Digest of everything that dbt reads from the project folder (configuration CSVs are not part of it)."""
    digest = hashlib.sha256()
    for path in sorted(DBT_PROJECT.rglob("*")):
        relative = path.relative_to(DBT_PROJECT)
        if path.is_file() and path.suffix in SOURCE_SUFFIXES and relative.parts[0] not in ("target", "config", "logs"):
            digest.update(f"{relative}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def manifest_path(settings: Settings) -> Path:
    """Path of a manifest that matches the project; parsed anew only when the project changed."""
    target = target_folder(settings)
    stamp, manifest, digest = target / "project.sha256", target / "manifest.json", project_sha256()
    with dbt_runs.parsing(settings):
        if not (manifest.exists() and stamp.exists() and stamp.read_text() == digest):
            dbt_runs.parse(settings)
            stamp.write_text(digest)
    return manifest


def deploy(settings: Settings) -> bool:
    """Build every relation of the project in this database unless this very version was deployed; True if it did."""
    digest = deployed_sha256(settings)
    with connect(settings, autocommit=True) as session:
        session.execute("select pg_advisory_lock(hashtext('meterline.deploy'))")
        row = session.execute("select sha256 from ledger.deployments order by deployed_at desc limit 1").fetchone()
        if row and row[0] == digest:
            return False
        # One thread: replacing a view locks what it reads, and two such locks can meet crosswise.
        try:
            with turn(settings):
                _build(settings, "run", "--threads", "1")
        except DbtError as error:
            raise MeterlineError(f"dbt cannot deploy the project: {error}") from error
        if settings.shards is not None:
            distribution.let_read(session)
        session.execute("insert into ledger.deployments (sha256) values (%s)", (digest,))
    return True


def _build(settings: Settings, *arguments: str) -> None:
    """All models, what waits to be metered included: what a run began that was stopped, in its lanes."""
    starts = lanes.begun(settings)
    with connect(settings, "meterline_transform", autocommit=True) as session:
        session.execute(EMPTY_LANES)
    if starts == lanes.ONE_LANE:
        dbt_runs.run_quietly(settings, *arguments)
        return
    from orchestration import dbt_lanes

    for _ in dbt_lanes.run(settings, arguments, "", starts):
        pass
