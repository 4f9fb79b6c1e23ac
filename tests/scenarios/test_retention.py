"""What is kept of a contract, where and for how long: months in files, holds, and purges that two persons agree on.

One kWh costs 1.00 EUR; contracts are in UTC. February is archived after its close.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from orchestration import tracing
from orchestration.database.connection import connect
from orchestration.invoicing import Signed
from orchestration.retention import archiving, purging
from orchestration.retention.reading import Asked, device_events
from tests.support import Message, Pipeline, instant, message

FEBRUARY = date(2019, 2, 1)
ADA, GRACE = Signed("Ada Lovelace", "a quarter is over"), Signed("Grace Hopper", "no case is open")
BALANCE = (
    "select sum(message_count)::int, sum(stored_count)::int, sum(duplicate_count)::int from governance.load_balance"
)
MINUTES = """
select tenant_id, device_id, bucket_start_at, period_id, quantity, event_count from finance.usage_minutely order by 1, 2, 3
"""
HOURS = """
select date_bin('1 hour', bucket_start_at, '2000-01-01Z'), tenant_id, device_id, sum(quantity), sum(event_count)
from finance.{} group by 1, 2, 3 order by 1, 2, 3
"""
# Three devices of three tenants: two readings of an hour, one of the next, one in the last second of the month.
TIMES = ("2019-02-10T12:00:10", "2019-02-10T12:00:40", "2019-02-10T13:05:00", "2019-02-28T23:59:59")
KEPT = {"acme": "minutes", "globex": "ten_years", "initech": None}


def readings(tenant: str) -> list[Message]:
    """Four readings of February and one of March, each with a quantity of its own to the tenth decimal."""
    base = 1 + sorted(KEPT).index(tenant)
    rows = [message(tenant, "m-1", n, f"{base}.{n:010d}", at) for n, at in enumerate(TIMES, 1)]
    return [*rows, message(tenant, "m-1", 5, "7", "2019-03-05T12:00")]


@pytest.fixture
def closed(pipeline: Pipeline) -> Pipeline:
    """February of three tenants, received, repeated in part, closed."""
    for name, days in {"minutes": (7, 7, ""), "six_years": (90, 2192, 2192), "ten_years": (90, 3653, 0)}.items():
        keeps = dict(zip(("raw_days", "event_days", "minute_days"), days, strict=True))
        pipeline.configuration.row("retention_classes", retention_class=name, **keeps)
    for tenant, name in KEPT.items():
        pipeline.tenant(tenant, "m-1", retention_class=name)
        rows = readings(tenant)
        pipeline.land(*rows, {**rows[0], "received_at": "2019-02-11T12:00:00Z"}, name=f"{tenant}.jsonl")
    pipeline.process()
    assert len(pipeline.close("2019-02", "2019-03-05")) == 3
    return pipeline


def archive(pipeline: Pipeline, month: date = FEBRUARY, signed: Signed = ADA) -> archiving.Archived:
    """Archive a month as the job does."""
    with connect(pipeline.settings, "meterline_approver") as session:
        return archiving.archive_month(session, pipeline.settings.archive, month, signed)


def events_of(pipeline: Pipeline, tenant: str, **asked: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """A device's events of the first quarter, as a dispute asks for them."""
    with connect(pipeline.settings, "meterline_auditor") as session:
        span = instant("2019-01-01T00:00"), instant("2019-04-01T00:00")
        return device_events(session, pipeline.settings.archive, Asked(tenant, "m-1", *span, **asked))


def traced(pipeline: Pipeline, tenant: str, limit: int = 9) -> tracing.Trace:
    """The line of a tenant's February."""
    with connect(pipeline.settings, "meterline_auditor") as session:
        return tracing.trace(session, pipeline.settings.archive, f"INV-{tenant}-2019-02-01", 1, limit)


def purge(pipeline: Pipeline, step: Callable[..., Any], *given: Any) -> Any:
    """A step of a purge as an approver."""
    with connect(pipeline.settings, "meterline_approver") as session:
        return step(session, *given)


def carry_out(pipeline: Pipeline) -> purging.Purged:
    """Propose what is due, approve and do it."""
    made = purge(pipeline, purging.propose, ADA)
    purge(pipeline, purging.decide, made, "approved", GRACE)
    return purge(pipeline, purging.carry_out, pipeline.settings.archive, made)


def receive(pipeline: Pipeline, day: str) -> None:
    """A message of each tenant of a later day, which brings the instant up to which was received there."""
    pipeline.land(*(message(tenant, "m-1", 1000 + int(day[:4]), "1", f"{day}T12:00") for tenant in KEPT))
    pipeline.process()


def identifier(row: Message) -> str:
    """The id of an event, by DESIGN section 4 and nothing of the platform."""
    named = {name: row[name] for name in ("tenant_id", "device_id", "metric", "msg_seq")} | {"seq_epoch": 0}
    return "sha256:" + hashlib.sha256(json.dumps(named, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def test_the_archive_holds_what_was_delivered(closed: Pipeline) -> None:
    before = {relation: closed.rows(f"select count(*) from finance.{relation}") for relation in ("invoices",)}
    minutes, hours = closed.rows(MINUTES), closed.rows(HOURS.format("usage_hourly"))
    made = archive(closed)

    files = sorted(Path(str(closed.settings.archive)).rglob("*.parquet"))
    assert [str(path.relative_to(str(closed.settings.archive))) for path in files] == [
        "region=eu/month=2019-02/tenant=acme/events.parquet",
        "region=eu/month=2019-02/tenant=acme/minutes.parquet",
        "region=eu/month=2019-02/tenant=globex/events.parquet",
        "region=eu/month=2019-02/tenant=initech/events.parquet",
        "region=eu/month=2019-02/tenant=initech/minutes.parquet",
    ]
    for tenant in KEPT:
        delivered = readings(tenant)[:4]
        path = Path(str(closed.settings.archive)) / f"region=eu/month=2019-02/tenant={tenant}/events.parquet"
        kept = pq.read_table(path, partitioning=None).to_pylist()
        assert [row["event_id"] for row in kept] == [identifier(row) for row in delivered]
        assert [row["quantity"] for row in kept] == [Decimal(row["quantity"]) for row in delivered]
        assert [row["event_at"] for row in kept] == [instant(row["device_ts"]) for row in delivered]
        assert [row["received_at"] for row in kept] == [instant(row["received_at"]) for row in delivered]
        days = ["2019-02-10"] * 3 + ["2019-03-01"]
        assert [row["source_file"] for row in kept] == [f"region=eu/date={day}/{tenant}.jsonl" for day in days]
        assert [row["source_row"] for row in kept] == [1, 2, 3, 1]
        assert {(row["period_id"], row["disposition"]) for row in kept} == {(f"{tenant}:2019-02-01", "billed")}
        recorded = closed.rows(
            "select sha256, byte_count, row_count from ledger.archived_files where path = %s",
            str(path.relative_to(str(closed.settings.archive))),
        )
        content = path.read_bytes()
        assert recorded == [(hashlib.sha256(content).hexdigest(), len(content), 4)]

    listed = sorted((file.path, file.sha256) for file in made.files)
    manifest = hashlib.sha256("".join(f"{digest}  {path}\n" for path, digest in listed).encode()).hexdigest()
    logged = "select payload::jsonb ->> %s from audit.log where action = 'month_archived'"
    assert closed.rows(logged, "manifest_sha256") == [(manifest,)] == [(made.manifest_sha256,)]
    assert closed.rows(logged, "decided_by") == [("Ada Lovelace",)]
    # The month has left the database, space and all, and the books are as they were.
    assert closed.rows("select relname from pg_class where relname like '%%events_201902%%'") == []
    assert closed.rows("select count(*) from finance.billing_events") == [(3,)]
    assert closed.rows(HOURS.format("usage_hourly")) == hours
    # Of ten_years no minutes are kept; of the others they are what they were.
    assert closed.rows(MINUTES) == [row for row in minutes if row[0] != "globex" or row[2].month == 3]
    assert {relation: closed.rows(f"select count(*) from finance.{relation}") for relation in before} == before
    assert closed.prove() == {}
    closed.audit()
