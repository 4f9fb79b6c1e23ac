"""What the platform knows of its models: snapshots taken, and which version serves. Tables decide, not the registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from upath import UPath

from orchestration.database.connection import sqlalchemy_url
from orchestration.errors import BusyError, MeterlineError
from orchestration.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from ml.registry import Registry

ROLE = "meterline_score"
ALIAS = "shadow"

# Text as ml.snapshot.COLUMNS asks for it, in the order in which a person would look.
USAGE = """
select tenant_id, device_id, metric, device_type, local_date::text, period_id, period_start_date::text,
    period_end_date::text, trim_scale(quantity)::text as quantity, event_count,
    to_char(first_event_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as first_event_at,
    to_char(last_event_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as last_event_at
from ml.day_usage
where local_date > (select max(local_date) from ml.day_usage) - %s::integer
order by tenant_id, device_id, metric, local_date, period_id
"""
NEWEST_SNAPSHOT = """
select snapshot_sha256, row_count, first_date::text, last_date::text, place
from store.feature_snapshots
order by snapshot_id desc
limit 1
"""
RECORD_SNAPSHOT = """
insert into store.feature_snapshots (snapshot_sha256, row_count, first_date, last_date, place)
values (%s, %s, %s, %s, %s)
"""
SERVING = """
select model_name, model_version, run_id, artifact_sha256, snapshot_sha256, fingerprint_sha256
from store.model_versions
where model_name = %s and alias = %s
order by model_version_id desc
limit 1
"""
RECORD_VERSION = """
insert into store.model_versions
    (model_name, alias, model_version, run_id, artifact_sha256, snapshot_sha256, fingerprint_sha256)
values (%s, %s, %s, %s, %s, %s, %s)
"""
# One run at a time trains or scores; the lock ends with the transaction.
TAKE_TURN = "select pg_try_advisory_xact_lock(hashtext('meterline.models'))"


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of metered days; `place` says where its rows lie."""

    sha256: str
    row_count: int
    first_date: str
    last_date: str
    place: str


@dataclass(frozen=True)
class ServingVersion:
    """The version of a model that serves under an alias, by the platform's own record."""

    model_name: str
    version: str
    run_id: str
    artifact_sha256: str
    snapshot_sha256: str
    fingerprint_sha256: str


def take_turn(session: psycopg.Connection) -> None:
    """Keep other training and scoring out until the transaction ends. Raises BusyError while one is at work."""
    row = session.execute(TAKE_TURN).fetchone()
    if row is not None and not row[0]:
        raise BusyError("another run is training or scoring; wait for it (the UI shows it), then run this again")


def snapshots_folder(settings: Settings) -> UPath:
    """Where snapshots lie."""
    return settings.artifacts / "snapshots"


def registry(settings: Settings) -> Registry:
    """The model registry in the platform's database, as the role that trains and scores."""
    from ml.registry import Registry

    url = settings.artifacts_url or settings.artifacts.absolute().as_uri()
    return Registry(sqlalchemy_url(settings, "mlflow", role=ROLE), url)


def take_snapshot(session: psycopg.Connection, settings: Settings, history_days: int) -> Snapshot:
    """Keep the complete days of use of the last `history_days` as a snapshot; the same rows are the same snapshot.

    Raises MeterlineError when there is no complete day yet.
    """
    import pandas as pd

    from ml import snapshot

    with session.cursor() as cursor:
        rows = cursor.execute(USAGE, (history_days,)).fetchall()
    if not rows:
        raise MeterlineError("no day of use is complete yet: run `meterline process` first")
    frame = pd.DataFrame(rows, columns=snapshot.COLUMNS)
    sha256 = snapshot.write(frame, snapshots_folder(settings))
    dates = (frame["local_date"].min(), frame["local_date"].max())
    taken = Snapshot(sha256, len(frame), *dates, str(snapshot.place(snapshots_folder(settings), sha256)))
    known = session.execute(NEWEST_SNAPSHOT).fetchone()
    if known is None or known[0] != sha256:
        session.execute(RECORD_SNAPSHOT, (sha256, taken.row_count, *dates, taken.place))
    return taken


def newest_snapshot(session: psycopg.Connection) -> Snapshot:
    """The snapshot taken last. Raises MeterlineError when there is none."""
    row = session.execute(NEWEST_SNAPSHOT).fetchone()
    if row is None:
        raise MeterlineError("no feature snapshot was taken yet: run `meterline train`")
    return Snapshot(*row)


def rows_of(settings: Settings, sha256: str) -> pd.DataFrame:
    """The rows of a snapshot, compared with its digest. Raises MeterlineError when they are not what was taken."""
    from ml import snapshot

    with evidence_errors():
        return snapshot.read(snapshots_folder(settings), sha256)


def serving_version(session: psycopg.Connection, model_name: str, alias: str = ALIAS) -> ServingVersion | None:
    """The version that serves, by the platform's record; None before the first training."""
    row = session.execute(SERVING, (model_name, alias)).fetchone()
    return None if row is None else ServingVersion(*row)


def record_version(session: psycopg.Connection, version: ServingVersion, alias: str = ALIAS) -> None:
    """Let a version serve from now on, as far as the record says; the registry's alias has to follow."""
    facts = (version.version, version.run_id, version.artifact_sha256, version.snapshot_sha256)
    session.execute(RECORD_VERSION, (version.model_name, alias, *facts, version.fingerprint_sha256))


@contextmanager
def evidence_errors() -> Iterator[None]:
    """What models refuse to work with, as the platform's own error."""
    from ml.errors import EvidenceError

    try:
        yield
    except EvidenceError as error:
        raise MeterlineError(str(error)) from error
