"""What an examination is: it looks at one thing, changes nothing, and says what it found and what would mend it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from orchestration.database import embedded
from orchestration.database.connection import connect
from orchestration.errors import BadInputError
from orchestration.settings import Settings

WELL, WRONG, UNSEEN = "well", "attention", "not seen"
# Nothing here may be waited for: what takes longer on a great store is said to take too long.
READ_ONLY = "set default_transaction_read_only = on; set statement_timeout = '5s'; set lock_timeout = '1s'"
PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
PASSWORD_IN_URL = re.compile(r"(://[^/\s:@]*:)[^@\s]+@")
PREPARE = "`meterline gates show` prepares the database"
LOOK_AT_STORES = "look at METERLINE_LANDING and METERLINE_ARTIFACTS, and whether this machine may read there"


@dataclass(frozen=True)
class Limits:
    """From where on something wants attention."""

    free_bytes: int = 2 * 1024**3
    free_share: float = 0.05
    # As much is enough on any disk, however small a share of it.
    ample_bytes: int = 50 * 1024**3
    dead_rows: int = 100_000
    dead_share: float = 0.3
    # Autovacuum begins at 200 million transactions; three times as many, and it does not get through.
    transaction_age: int = 600_000_000
    kept_wal_bytes: int = 1024**3
    connection_share: float = 0.8
    replication_lag: timedelta = timedelta(minutes=5)
    statement: timedelta = timedelta(hours=1)
    waiting: timedelta = timedelta(minutes=1)
    # A parse of the project, or the import of a library, is silent for less.
    silence: timedelta = timedelta(minutes=15)
    heartbeat: timedelta = timedelta(minutes=5)
    # The day's run comes an hour after midnight, as for the freshness of the assets.
    reception: timedelta = timedelta(hours=30)
    landing_seconds: float = 2.0


@dataclass(frozen=True)
class Finding:
    """What an examination found; nothing needs a remedy where it is well."""

    text: str
    remedy: str | None = None
    state: str = WELL


NO_DAGSTER = Finding("Dagster has not run here yet")


def well(text: str) -> Finding:
    """Nothing to do."""
    return Finding(text)


def wrong(text: str, remedy: str) -> Finding:
    """Somebody should do something."""
    return Finding(text, remedy, WRONG)


def unseen(text: str, remedy: str) -> Finding:
    """Nobody can say whether it is well, until somebody lets us look."""
    return Finding(text, remedy, UNSEEN)


@dataclass(frozen=True)
class Subject:
    """The platform that is examined, through a session that can only read."""

    settings: Settings
    session: psycopg.Connection
    limits: Limits = field(default_factory=Limits)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    # A session that was ended does not know it any more.
    password: str = field(default="", repr=False)

    @property
    def login(self) -> str:
        """Who looks, as SQL names it."""
        name = self.session.info.user
        return name if PLAIN_NAME.fullmatch(name) else sql.Identifier(name).as_string()

    def has(self, relation: str) -> bool:
        """Whether there is such a relation: Dagster and MLflow make theirs when they first run."""
        row = self.session.execute("select to_regclass(%s) is not null", (relation,)).fetchone()
        return row is not None and bool(row[0])


@dataclass(frozen=True)
class Examination:
    """One thing to look at: its area, its name, and what looks."""

    area: str
    name: str
    look: Callable[[Subject], list[Finding]]


@dataclass(frozen=True)
class Row:
    """A line of the result."""

    area: str
    name: str
    state: str
    finding: str
    remedy: str | None


def examine(subject: Subject, examination: Examination) -> list[Row]:
    """Look at one thing; what cannot be looked at is said, and keeps nothing else from being looked at."""
    try:
        findings = examination.look(subject)
    except psycopg.errors.InsufficientPrivilege as error:
        findings = [unseen(_first_line(error), f"grant meterline_auditor, pg_monitor to {subject.login}")]
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedColumn) as error:
        findings = [unseen(_first_line(error), PREPARE)]
    except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable) as error:
        findings = [unseen(_first_line(error), "ask again when the database is less busy")]
    except psycopg.Error as error:
        remedy = "ask again; if it stays so, the server's log says more"
        findings = [unseen(f"{type(error).__name__}: {_first_line(error)}", remedy)]
    except (OSError, ImportError, ValueError) as error:
        findings = [unseen(f"{type(error).__name__}: {_first_line(error)}", LOOK_AT_STORES)]
    except Exception as error:  # The client of every store has errors of its own, and what they say may hold its key.
        findings = [unseen(type(error).__name__, LOOK_AT_STORES)]
    return [
        Row(
            examination.area,
            examination.name,
            one.state,
            _told(subject, one.text),
            None if one.remedy is None else _told(subject, one.remedy),
        )
        for one in findings
    ]


@contextmanager
def subject_of(settings: Settings, limits: Limits | None = None) -> Iterator[Subject]:
    """The platform as it stands, in a session that can only read; nothing is started.

    Raises BadInputError when its server does not run or cannot be reached.
    """
    url = settings.database_url or embedded.running_url(settings.home)
    if url is None:
        raise BadInputError(
            f"no PostgreSQL runs under {settings.home}: any other command starts it, such as `meterline gates show`; "
            "or set METERLINE_DATABASE_URL or METERLINE_HOME to where the platform is"
        )
    with connect(replace(settings, database_url=url), autocommit=True) as session:
        session.execute(READ_ONLY)
        yield Subject(settings, session, limits or Limits(), password=session.info.password)


def _told(subject: Subject, text: str) -> str:
    """Text without the passwords of the platform's addresses."""
    text = PASSWORD_IN_URL.sub(r"\1***@", text)
    return text.replace(subject.password, "***") if subject.password else text


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
