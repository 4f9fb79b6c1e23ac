"""The embedded server after a kill: it comes back with everything that was committed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from orchestration.database import embedded
from tests.integration.crashing import kill_server


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a short path, as sockets need it, that the server's user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="meterline-test-"))
    folder.chmod(0o755)
    yield folder
    embedded.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_killed_server_is_started_again_with_all_that_was_committed(home: Path) -> None:
    url = embedded.start(home)
    with psycopg.connect(url) as session:
        session.execute("create table kept as select 1 as number")

    kill_server(home)
    # At once: the killed process may still count as running.
    assert embedded.start(home) == url
    with psycopg.connect(url) as session:
        assert session.execute("select number from kept").fetchall() == [(1,)]
