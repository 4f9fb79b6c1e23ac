"""Ways to stop work in the middle: before a statement, or by SIGKILL from outside, of it or of its server."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import psycopg
from psycopg.conninfo import conninfo_to_dict

from orchestration.database import embedded
from tests.support import Message, Pipeline, message

Work = Callable[[Pipeline], object]

# A server that was named to the tests may have other users.
SERVER_IS_OURS = not os.environ.get("METERLINE_TEST_DATABASE_URL")
OTHER_BACKENDS = """
select count(*) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
    and application_name not like 'citus_internal%'
"""


def land_half(pipeline: Pipeline, *tenants: str) -> None:
    """Meter a day of each tenant (acme where none is named), and land another that changes what the first one meant."""
    tenants = tenants or ("acme",)
    pipeline.configuration.metric("peak", unit="kW", reading_type="gauge", aggregation="max")
    for tenant in tenants:
        pipeline.tenant(tenant, "m-1", "m-2", "m-3")
    pipeline.land(*(row for tenant in tenants for row in _first_day(tenant)))
    pipeline.process()
    pipeline.land(*(row for tenant in tenants for row in _second_day(tenant)))


def _first_day(tenant: str) -> list[Message]:
    buffered = {"sent_ts": "2019-02-02T10:00:00Z"}
    kept = message(tenant, "m-2", 1, 7, "2019-02-01T09:00", "2019-02-02T10:00", **buffered)
    return [
        # A clock that looks a day wrong, until the second day proves it right.
        message(tenant, "m-1", 1, 1, "2019-01-31T23:00", "2019-02-01T23:00", session_id="s"),
        kept,
        message(tenant, "m-3", 1, 3, "2019-02-01T12:00"),
        message(tenant, "m-3", 1, 3, "2019-02-01T12:00", metric="peak"),
    ]


def _second_day(tenant: str) -> list[Message]:
    return [
        message(tenant, "m-1", 2, 2, "2019-02-02T00:30", session_id="s"),
        # Arrived before the one that was kept, and contradicts it.
        message(tenant, "m-2", 1, 5, "2019-02-01T08:00", "2019-02-01T10:00", sent_ts="2019-02-01T10:00:00Z"),
        # A duplicate, a conflict, a refusal, a late one, and growth of an hour that exists.
        message(tenant, "m-3", 1, 3, "2019-02-01T12:00", "2019-02-02T12:00", sent_ts="2019-02-02T12:00:00Z"),
        message(tenant, "m-3", 1, 4, "2019-02-01T12:00", "2019-02-02T12:00:01", sent_ts="2019-02-02T12:00:00Z"),
        message(tenant, "m-9", 1, 1, "2019-02-02T12:00"),
        message(tenant, "m-3", 2, 9, "2019-01-31T12:00", "2019-02-04T12:00", sent_ts="2019-02-04T12:00:00Z"),
        message(tenant, "m-3", 3, "0.25", "2019-02-01T12:30"),
        message(tenant, "m-3", 3, 8, "2019-02-01T12:30", metric="peak"),
    ]


def statements_of(work: Work, platform: Pipeline) -> int:
    """How many statements the work sends; it is done afterwards."""
    # Counted by what threads cannot interrupt: dbt sends from two of them.
    counter = itertools.count()
    with before_every_statement(lambda: next(counter)):
        work(platform)
    return next(counter)


def killed_before_statement(moment: int, work: Work, platform: Pipeline) -> bool:
    """Work in a child that kills itself (SIGKILL) before that statement; True if it did."""
    counter = itertools.count(1)

    def die_in_time() -> None:
        if next(counter) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def until_then(platform: Pipeline) -> None:
        with before_every_statement(die_in_time):
            work(platform)

    status = ended(started(until_then, platform))
    wait_until_alone(platform)
    return os.WIFSIGNALED(status)


def killed_after(seconds: float, work: Work, platform: Pipeline) -> bool:
    """Work in a child that is killed (SIGKILL) after that time; False if it was through before."""
    child = started(work, platform)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    status = ended(child)
    wait_until_alone(platform)
    return os.WIFSIGNALED(status)


def server_killed_after(seconds: float, work: Work, platform: Pipeline) -> bool:
    """Work in a child whose embedded server is killed (SIGKILL) after that time; False if it was through before.

    The server runs again afterwards.
    """
    home = Path(conninfo_to_dict(str(platform.settings.database_url))["host"]).parent
    # A copied database writes its sequences ahead only from the next checkpoint on; killed before, they would go back.
    platform.execute("checkpoint")
    child = started(work, platform)
    time.sleep(seconds)
    kill_server(home)
    status = ended(child)
    embedded.start(home)
    return status != 0


def kill_server(home: Path) -> None:
    """Kill the embedded server of that home (SIGKILL)."""
    os.kill(int((home / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)


def started(work: Work, platform: Pipeline) -> int:
    """A child that does the work and exits with 0 or, where it fails, 1."""
    child = os.fork()
    if child == 0:
        try:
            work(platform)
            os._exit(0)
        finally:
            os._exit(1)
    return child


def ended(child: int) -> int:
    """The status with which the child ends."""
    return os.waitpid(child, 0)[1]


def wait_until_alone(platform: Pipeline) -> None:
    """The server notices a dead client when it next speaks to it; until then the dead run holds its lock."""
    while platform.rows(OTHER_BACKENDS) != [(0,)]:
        time.sleep(0.01)


@contextmanager
def before_every_statement(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` before each statement that loading, gates, closing and dbt send."""
    from dbt.adapters.sql.connections import SQLConnectionManager

    def acting(original: Callable[..., object]) -> Callable[..., object]:
        def wrapper(*arguments: object, **keywords: object) -> object:
            act()
            return original(*arguments, **keywords)

        return wrapper

    with ExitStack() as patches:
        for owner, name in ((SQLConnectionManager, "add_query"), (psycopg.Cursor, "execute"), (psycopg.Cursor, "copy")):
            patches.enter_context(mock.patch.object(owner, name, acting(getattr(owner, name))))
        yield
