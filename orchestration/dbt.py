"""The dbt project as the platform runs it: its manifest, built ahead of time, and its relations, deployed once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.database.connection import connect
from orchestration.errors import MeterlineError
from orchestration.settings import DBT_PROJECT, Settings
from orchestration.turns import turn

# Steps that may run beside each other compile into folders of their own, each starting from the parsed project.
STEPS = ("load", "close", "publish", "facts", "views", "docs")
PARSED = "partial_parse.msgpack"
SOURCE_SUFFIXES = {".sql", ".yml", ".yaml", ".md"}


def project_sha256() -> str:
    """Digest of everything that dbt reads from the project folder (configuration CSVs are not part of it)."""
    digest = hashlib.sha256()
    for path in sorted(DBT_PROJECT.rglob("*")):
        relative = path.relative_to(DBT_PROJECT)
        if path.is_file() and path.suffix in SOURCE_SUFFIXES and relative.parts[0] not in ("target", "config", "logs"):
            digest.update(f"{relative}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def target_folder(settings: Settings, step: str = "") -> Path:
    """Where dbt keeps what it compiles (for one of STEPS); outside the project, which may be read-only."""
    return settings.home / "dbt" / step


def manifest_path(settings: Settings) -> Path:
    """Path of a manifest that matches the project; parsed anew only when the project changed."""
    target = target_folder(settings)
    target.mkdir(parents=True, exist_ok=True)
    stamp, manifest, digest = target / "project.sha256", target / "manifest.json", project_sha256()
    with _locked(target / "parse.lock"):
        if not (manifest.exists() and stamp.exists() and stamp.read_text() == digest):
            run_dbt(settings, ["parse"])
            for step in STEPS:
                (target / step).mkdir(exist_ok=True)
                shutil.copy2(target / PARSED, target / step / PARSED)
            stamp.write_text(digest)
    return manifest


def deploy(settings: Settings) -> bool:
    """Build every relation of the project in this database unless this very version was deployed; True if it did."""
    digest = project_sha256()
    with connect(settings, autocommit=True) as session:
        session.execute("select pg_advisory_lock(hashtext('meterline.deploy'))")
        row = session.execute("select sha256 from ledger.deployments order by deployed_at desc limit 1").fetchone()
        if row and row[0] == digest:
            return False
        # One thread: replacing a view locks what it reads, and two such locks can meet crosswise.
        with turn(settings):
            run_dbt(settings, ["run", "--quiet", "--threads", "1"])
        session.execute("insert into ledger.deployments (sha256) values (%s)", (digest,))
    return True


def run_dbt(settings: Settings, arguments: list[str]) -> None:
    """Run dbt in a process of its own. Raises MeterlineError with the end of its output when it fails."""
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", *arguments]
    command += ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    target = target_folder(settings)
    environment = os.environ | {
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target / "logs"),
        "DO_NOT_TRACK": "1",
    }
    finished = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    if finished.returncode != 0:
        raise MeterlineError(f"dbt {arguments[0]} failed:\n{_tail(finished.stdout + finished.stderr)}")


def _tail(output: str, lines: int = 30) -> str:
    return "\n".join(output.strip().splitlines()[-lines:])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
