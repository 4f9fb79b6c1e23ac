"""What is kept of a contract, where and for how long: months in files, holds, and purges that two persons agree on.

One kWh costs 1.00 EUR; contracts are in UTC. February is archived after its close.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import psycopg
import pyarrow.parquet as pq
import pytest

from orchestration import closing, tracing, tracing_scores
from orchestration.database.connection import connect
from orchestration.doctor import archive as doctor_archive
from orchestration.doctor.examination import Limits, subject_of
from orchestration.errors import BadInputError
from orchestration.invoicing import Signed
from orchestration.quarantine import Filter
from orchestration.resources import Platform
from orchestration.retention import archiving, purging, reading
from orchestration.retention.files import ArchivedFile, ArchiveError, read_back
from orchestration.retention.reading import Asked, archived_events, device_events
from orchestration.retention_jobs import archive_months
from tests.support import Message, Pipeline, instant, message

FEBRUARY = date(2019, 2, 1)
ADA, GRACE = Signed("Ada Lovelace", "a quarter is over"), Signed("Grace Hopper", "no case is open")
BALANCE = """
select sum(message_count)::int, sum(stored_count)::int, sum(duplicate_count)::int from governance.load_balance
"""
MINUTES = """
select tenant_id, device_id, bucket_start_at, period_id, quantity, event_count
from finance.usage_minutely
order by 1, 2, 3
"""
HOURS = "select * from finance.usage_hourly order by 1, 2, 3, 4"
REPORT = """
select tenant_id, kept_data, first_date::text, row_count::int, kept_until_at::date::text, is_due
from finance.retention_report
where tenant_id = %s
order by 2, 3
"""
BLOCKED = """
select first_date::text, tenant_id, blocked_by from finance.retention_report where kept_data = %s order by 1, 2
"""
ASKED_OF_FEBRUARY = """
explain (analyze, costs off, timing off)
select * from metering.int_month_contents where month_start_at = '2019-02-01T00:00:00Z'
"""
BLIND_TO_HOLDS = """
create or replace view governance.int_standing_holds as
select hold_no, tenant_no, from_at, until_at, placed_by, reason from ledger.retention_holds where false
"""
DELIVERED = """
select tenant_id, count(*)::int from raw.messages inner join registry.tenants using (tenant_no) group by 1 order by 1
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
    with connect(pipeline.settings, "meterline_auditor", autocommit=True) as session:
        span = instant("2019-01-01T00:00"), instant("2019-04-01T00:00")
        return device_events(session, pipeline.settings.archive, Asked(tenant, "m-1", *span, **asked))


def traced(pipeline: Pipeline, tenant: str, limit: int = 9) -> tracing.Trace:
    """The line of a tenant's February."""
    with connect(pipeline.settings, "meterline_auditor", autocommit=True) as session:
        return tracing.trace(session, pipeline.settings.archive, f"INV-{tenant}-2019-02-01", 1, limit)


def behind_a_score(pipeline: Pipeline) -> tuple[list[dict[str, Any]], list[str]]:
    """What a score of the noon of 10 February has seen."""
    score = {"tenant_id": "acme", "device_id": "m-1", "metric": "energy", "period_id": "acme:2019-02-01"}
    score |= {"first_event_at": instant(TIMES[0]), "last_event_at": instant(TIMES[1])}
    with connect(pipeline.settings, "meterline_score") as session:
        return tracing_scores.events_behind(session, pipeline.settings.archive, score)


def archived_while_read(pipeline: Pipeline, patch: pytest.MonkeyPatch, module: ModuleType) -> None:
    """Let February leave the store just after a reader has read the archive, each of its statements on its own."""

    def then_archive(*asked: Any) -> Any:
        found = archived_events(*asked)
        archive(pipeline)
        return found

    patch.setattr(module, "archived_events", then_archive)


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
    published = closed.published(("invoices", "invoice_lines", "device_usage", "fleet_usage", "usage_daily"))
    minutes, hours = closed.rows(MINUTES), closed.rows(HOURS)
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
    assert closed.rows(HOURS) == hours
    # Of ten_years no minutes are kept; of the others they are what they were.
    assert closed.rows(MINUTES) == [row for row in minutes if row[0] != "globex" or row[2].month == 3]
    assert closed.published(published) == published
    assert closed.prove() == {}
    closed.audit()


def test_a_trace_and_a_dispute_read_the_archive_as_they_read_the_store(
    closed: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, events = [traced(closed, "acme", limit) for limit in (1, 3, 9)], events_of(closed, "acme")
    assert [len(line.events) for line in lines] == [1, 3, 4]
    scored = behind_a_score(closed)
    assert [(row["quantity"], row["source_row"]) for row in scored[0]] == [
        (Decimal(row["quantity"]), n) for n, row in enumerate(readings("acme")[:2], 1)
    ]
    with monkeypatch.context() as patch:
        archived_while_read(closed, patch, reading)
        assert events_of(closed, "acme") == events
    assert [traced(closed, "acme", limit) for limit in (1, 3, 9)] == lines
    assert events_of(closed, "acme") == events
    assert [row["quantity"] for row in events[0]] == [Decimal(row["quantity"]) for row in readings("acme")]
    assert behind_a_score(closed) == scored
    assert events_of(closed, "acme", metric="water") == ([], [])
    with pytest.raises(BadInputError, match="tenant 'nobody' has no device 'm-1'"):
        events_of(closed, "nobody")


def test_a_late_delivery_of_an_archived_month_is_a_duplicate_and_a_new_reading_is_late(closed: Pipeline) -> None:
    archive(closed)
    late = {"received_at": "2019-05-10T12:00:00Z", "sent_ts": "2019-05-10T12:00:00Z"}
    rows = readings("acme")
    new = message("acme", "m-1", 6, "5", "2019-02-10T12:30", "2019-05-10T12:00", sent_ts=late["sent_ts"])
    before = closed.rows(BALANCE)[0]
    closed.land(*({**row, **late} for row in rows[:4]), new)
    closed.process()
    # Of what the period used the store has this event alone: the platform proposes nothing, a person may.
    closed.reconcile()
    assert closed.rows("select count(*) from store.proposals") == [(0,)]
    late_events = "select tenant_id, quantity, decision from finance.late_events"
    assert closed.rows(late_events) == [("acme", Decimal(5), "not_billed")]
    # Four duplicates and one event that no invoice has, which a dispute finds between those of the archive.
    after = closed.rows(BALANCE)[0]
    assert [now - then for now, then in zip(after, before, strict=True)] == [5, 0, 4]
    found = [(row["quantity"], row["disposition"]) for row in events_of(closed, "acme")[0]]
    quantities = [Decimal(row["quantity"]) for row in (rows[0], rows[1], new, *rows[2:])]
    assert found == list(zip(quantities, ["billed", "billed", "not_billed", "billed", "billed", "billed"], strict=True))
    assert [row["quantity"] for row in traced(closed, "acme").events] == [quantities[n] for n in (0, 1, 3, 4)]

    # What came late leaves the store like the rest, into a file of its own.
    made = archive(closed)
    paths = ["region=eu/month=2019-02.2/tenant=acme/events.parquet"]
    assert [(file.path, file.row_count) for file in made.files] == [(paths[0], 1)]
    assert [(row["quantity"], row["disposition"]) for row in events_of(closed, "acme")[0]] == found
    assert closed.prove() == {}
    closed.audit()


def test_a_file_that_is_missing_or_was_changed_is_named(closed: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    line = traced(closed, "acme")
    with monkeypatch.context() as patch:
        archived_while_read(closed, patch, tracing)
        assert traced(closed, "acme") == line
    path = Path(str(closed.settings.archive)) / "region=eu/month=2019-02/tenant=acme/events.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    for look in (traced, events_of):
        with pytest.raises(ArchiveError, match=f"{path} was changed: its SHA-256 is .*, recorded was "):
            look(closed, "acme")
    path.unlink()
    for look in (traced, events_of):
        with pytest.raises(ArchiveError, match=f"{path} is missing; restore it from a backup"):
            look(closed, "acme")
    missing = f"archived file {path} is missing; restore it from a backup"
    assert closed.prove() == {"archived_files_are_whole": [missing]}
    # Nobody else's file is asked for.
    assert len(traced(closed, "globex").events) == 4


def test_a_list_of_files_that_was_changed_is_not_what_the_audit_log_has(closed: Pipeline) -> None:
    archive(closed)
    change = "update ledger.archived_files set sha256 = repeat('0', 64) where kind = 'minutes'"
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        closed.execute(change)
    closed.execute(f"alter table ledger.archived_files disable trigger append_only; {change}")
    problems = closed.prove()
    assert problems["archives_are_audited"] == ["the list of the files of fold 1 is not as the audit log has it"]
    assert len(problems["archived_files_are_whole"]) == 2


def killed(pipeline: Pipeline, module: str, name: str, statement: str) -> None:
    """Run a statement about `session` and `archive` in a process that is killed when it calls `module.name`."""
    code = f"""
import datetime, os, signal
from orchestration.database.connection import connect
from orchestration.invoicing import Signed
from orchestration.retention import archiving, purging
from orchestration.settings import Settings
{module}.{name} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
settings = Settings.from_environment()
with connect(settings, "meterline_approver") as session:
    {statement}
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=pipeline.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == -9, done.stderr


def unrecorded(pipeline: Pipeline) -> list[str]:
    """What the doctor says of the archive, however young its files are."""
    with subject_of(pipeline.settings, Limits(statement=timedelta(0))) as subject:
        return [finding.text for finding in doctor_archive.unrecorded(subject)]


def test_a_run_that_is_killed_when_the_files_are_written_has_changed_nothing(closed: Pipeline) -> None:
    events, published = events_of(closed, "acme"), closed.published()
    signed = "Signed('Ada Lovelace', 'a quarter is over')"
    run = f"archiving.archive_month(session, settings.archive, datetime.date(2019, 2, 1), {signed})"
    killed(closed, "archiving", "record", run)
    files = sorted(Path(str(closed.settings.archive)).rglob("*.parquet"))
    assert len(files) == 5
    assert sorted(unrecorded(closed)) == [f"no month rests on {path}" for path in files]
    assert closed.published() == published
    assert closed.rows("select count(*) from store.folds") == [(0,)]
    # What was left is written over, and nothing is there twice.
    archive(closed)
    assert sorted(Path(str(closed.settings.archive)).rglob("*.parquet")) == files
    assert unrecorded(closed) == ["every file of the archive is on record"]
    assert closed.rows("select sum(row_count)::int from ledger.archived_files where kind = 'events'") == [(12,)]
    assert events_of(closed, "acme") == events
    assert closed.prove() == {}


def test_what_may_not_leave_stays(closed: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    # The month leaves whole, so one reason holds for everybody.
    march = "3 open periods of 3 tenants, such as acme:2019-03-01"
    assert closed.rows(BLOCKED, "events") == [
        (month, tenant, words) for month, words in (("2019-02-01", None), ("2019-03-01", march)) for tenant in KEPT
    ]
    with pytest.raises(BadInputError, match="holds events of 2019-03-01 and is not closed; Close the period first"):
        archive(closed, date(2019, 3, 1))
    with pytest.raises(BadInputError, match="the event store has no month 2018-01-01"):
        archive(closed, date(2018, 1, 1))
    for role in ("meterline_transform", "meterline_ingest", "meterline_auditor", "meterline_finance"):
        with connect(closed.settings, role) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
            archiving.archive_month(session, closed.settings.archive, FEBRUARY, ADA)
    # A fold that is begun and not ended, and files that do not hold all of it.
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="was begun and not ended"):
        purge(closed, lambda session: session.execute("select store.begin_archive('2019-02-01', 'Ada', 'why')"))

    def short(*written: Any) -> ArchivedFile:
        file = read_back(*written)
        return replace(file, quantity_sum=file.quantity_sum - Decimal("0.0000000001"))

    with monkeypatch.context() as patch:
        patch.setattr(archiving, "read_back", short)
        with pytest.raises(BadInputError, match="are not what the store holds"):
            archive(closed)
    assert list(Path(str(closed.settings.archive)).rglob("*.parquet")) == []
    assert closed.rows("select count(*) from finance.billing_events") == [(15,)]
    assert closed.rows("select count(*) from store.folds") == [(0,)]

    # Of all months until March the one that may leave does.
    asked = {"last": "2019-03", "by": "Ada Lovelace", "reason": "a quarter is over"}
    with mock.patch.dict(os.environ, closed.environment()):
        config = {"ops": {"archive_closed_months": {"config": asked}}}
        result = archive_months.execute_in_process(config, resources={"platform": Platform()})
    (seen,) = result.asset_observations_for_node("archive_closed_months")
    assert seen.metadata["archived"].value == ["2019-02"]
    (stays,) = seen.metadata["stays"].value
    assert re.search("^2019-03 stays: .* is not closed; Close the period first", stays)
    assert closed.rows("select count(*) from finance.billing_events") == [(3,)]


def test_a_month_stays_while_a_file_waits_to_be_metered(closed: Pipeline) -> None:
    closed.land(message("acme", "m-1", 6, 1, "2019-03-06T12:00"), name="next.jsonl")
    closed.load()
    assert {row[2] for row in closed.rows(BLOCKED, "events")[:3]} == {"1 file still to be metered"}
    with pytest.raises(BadInputError, match=r"loads are waiting to be metered, .*; Run meterline process first"):
        archive(closed)
    closed.process()
    assert {row[2] for row in closed.rows(BLOCKED, "events")[:3]} == {None}
    # What a month holds is asked of that month, however many there are.
    plan = [line for (line,) in closed.rows(ASKED_OF_FEBRUARY)]
    for month, is_read in (("201902", True), ("201903", False)):
        scans = [line for line in plan if f"events_{month}" in line]
        assert any("never executed" not in line for line in scans) is is_read, "\n".join(plan)


def test_what_its_class_keeps_no_longer_is_purged_by_two_persons(closed: Pipeline) -> None:
    archive(closed)
    # Received until 5 March, closed until February: only what acme delivered in February is past its 7 days.
    assert closed.rows(REPORT, "acme") == [
        ("acme", "archived_events", "2019-02-01", 4, "2019-03-08", False),
        ("acme", "deliveries", "2019-02-10", 3, "2019-02-18", True),
        ("acme", "deliveries", "2019-02-11", 1, "2019-02-19", True),
        ("acme", "deliveries", "2019-03-01", 1, "2019-03-09", False),
        ("acme", "deliveries", "2019-03-05", 1, "2019-03-13", False),
        ("acme", "events", "2019-03-01", 1, "2019-04-08", False),
        ("acme", "minute_totals", "2019-02-01", 3, None, False),
    ]
    assert {(row[4], row[5]) for row in closed.rows(REPORT, "initech")} == {(None, False)}
    globex = [row[1:5] for row in closed.rows(REPORT, "globex") if row[1] != "deliveries"]
    assert globex == [("archived_events", "2019-02-01", 4, "2029-03-01"), ("events", "2019-03-01", 1, "2029-04-01")]

    receive(closed, "2019-03-07")
    published = closed.published(("invoices", "invoice_lines", "device_usage", "usage_minutely", "usage_hourly"))
    made = purge(closed, purging.propose, ADA)
    due = [("deliveries", date(2019, 2, 10), 3), ("deliveries", date(2019, 2, 11), 1)]
    expected = [("archived_events", date(2019, 2, 1), 4), *due]
    parts = purge(closed, purging.items, made)
    assert [(part["kept_data"], part["first_date"], part["row_count"]) for part in parts] == expected
    assert {(part["tenant_id"], part["retention_class"]) for part in parts} == {("acme", "minutes")}
    # A proposal deletes nothing, its proposer cannot approve it, and nobody deletes by another way.
    with pytest.raises(BadInputError, match="was proposed by Ada Lovelace, so somebody else must approve it"):
        purge(closed, purging.decide, made, "approved", Signed(" ada lovelace", "never mind"))
    with pytest.raises(BadInputError, match=f"{made} is not approved"):
        purge(closed, purging.carry_out, closed.settings.archive, made)
    for table in ("raw.messages", "store.usage_minutes"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="is deleted from by approved purges only"):
            closed.execute(f"delete from {table}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="is append-only"):
            closed.execute(f"truncate {table}")
    for role in ("meterline_transform", "meterline_ingest", "meterline_auditor", "meterline_finance"):
        with connect(closed.settings, role) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
            purging.decide(session, made, "approved", GRACE)

    purge(closed, purging.decide, made, "approved", GRACE)
    assert purge(closed, purging.carry_out, closed.settings.archive, made) == purging.Purged(4, 0, 1)
    assert closed.rows(DELIVERED) == [("acme", 3), ("globex", 7), ("initech", 7)]
    kept = sorted(str(path)[-29:] for path in Path(str(closed.settings.archive)).rglob("tenant=acme/*"))
    assert [Path(name).name for name in kept] == ["minutes.parquet"]
    # Who looks for the events is told why they are gone; the invoice stands.
    told = (
        r"events of 2019-02 were purged on \d{4}-\d\d-\d\d \(PRG-1, proposed by Ada Lovelace, "
        r"approved by Grace Hopper: no case is open\)"
    )
    for purged in (traced(closed, "acme").purged, events_of(closed, "acme")[1]):
        assert [re.fullmatch(told, sentence) is not None for sentence in purged] == [True]
    assert traced(closed, "acme").events == []
    assert closed.published(published) == published
    actions = "select action, payload::jsonb ->> 'purge_id' from audit.log where payload like '%%PRG-%%' order by seq"
    assert closed.rows(actions) == [("purge_proposed", made), ("purge_decided", made), ("purged", made)]
    with pytest.raises(BadInputError, match="nothing is due for purge"):
        purge(closed, purging.propose, ADA)
    with pytest.raises(BadInputError, match=f"{made} was approved already, by Grace Hopper"):
        purge(closed, purging.decide, made, "approved", GRACE)
    # A file of which every row was deleted is known all the same, and so is what repeats a purged event.
    balance = closed.rows(BALANCE)[0]
    closed.land(*readings("acme")[:1], name="acme-again.jsonl", day="2019-02-10")
    closed.land({**readings("acme")[0], "received_at": "2019-03-07T13:00:00Z", "sent_ts": "2019-03-07T13:00:00Z"})
    closed.process()
    assert [now - then for now, then in zip(closed.rows(BALANCE)[0], balance, strict=True)] == [2, 0, 2]
    assert closed.prove() == {}
    closed.audit()


def test_a_hold_stops_every_purge_of_what_it_covers(closed: Pipeline) -> None:
    archive(closed)
    receive(closed, "2019-03-07")
    made = purge(closed, purging.propose, ADA)
    # From the afternoon of the 10th on: the file has later events, the deliveries of that day came at noon and later.
    case = Signed("Grace Hopper", "case 4711")
    number = purge(closed, purging.hold, "acme", instant("2019-02-11T12:00"), None, case)
    with pytest.raises(BadInputError, match=f"{made} holds what is not due any more: it is on hold"):
        purge(closed, purging.decide, made, "approved", GRACE)
    assert [row[1:3] for row in closed.rows(REPORT, "acme") if row[5]] == [("deliveries", "2019-02-10")]
    # The seven days of what was received from 1 March on are not over on the 7th: it need not go yet.
    on_hold = f"legal hold {number} of Grace Hopper (case 4711)"
    assert [(row[0], row[2]) for row in closed.rows(BLOCKED, "deliveries") if row[1] == "acme"] == [
        ("2019-02-10", None), ("2019-02-11", on_hold), ("2019-03-01", None), ("2019-03-05", None), ("2019-03-07", None),
    ]  # fmt: skip
    # It does not keep March in the event store; that it is not closed does.
    march = "3 open periods of 3 tenants, such as acme:2019-03-01"
    assert {row[2] for row in closed.rows(BLOCKED, "events")} == {march}
    held = "select tenant_id from finance.retention_report where is_on_hold and kept_data = 'events'"
    assert closed.rows(held) == [("acme",)]
    assert carry_out(closed) == purging.Purged(3, 0, 0)

    # Placed between the approval and the deletion it stops that, too, and another purge does not get round it.
    purge(closed, purging.lift, number, Signed("Grace Hopper", "case closed"))
    made, other = (purge(closed, purging.propose, ADA) for _ in range(2))
    purge(closed, purging.decide, made, "approved", GRACE)
    with pytest.raises(BadInputError, match=f"{made} is approved and not carried out"):
        purge(closed, purging.decide, other, "approved", GRACE)
    # The last message of February was received on 1 March; nothing of the file was measured then.
    number = purge(closed, purging.hold, "acme", instant("2019-03-01T00:00"), instant("2019-03-02T00:00"), case)
    held = "select distinct kept_data from finance.retention_report where is_on_hold order by 1"
    assert closed.rows(held) == [("archived_events",), ("deliveries",), ("minute_totals",)]
    # The database holds by itself, whatever a model says of it.
    closed.execute(BLIND_TO_HOLDS)
    assert closed.rows(held) == []
    with pytest.raises(BadInputError, match=f"{made} is stopped: tenant acme is on hold"):
        purge(closed, purging.carry_out, closed.settings.archive, made)

    # Withdrawn it deletes nothing any more, and another one may be proposed.
    purge(closed, purging.decide, made, "withdrawn", case)
    with pytest.raises(BadInputError, match=f"{made} was withdrawn; Propose a purge again"):
        purge(closed, purging.decide, made, "approved", GRACE)
    with pytest.raises(BadInputError, match=f"{made} is not approved"):
        purge(closed, purging.decide, made, "withdrawn", case)
    purge(closed, purging.decide, other, "rejected", GRACE)
    purge(closed, purging.lift, number, Signed("Grace Hopper", "case closed"))
    assert carry_out(closed) == purging.Purged(1, 0, 1)
    withdrawn = "select payload::jsonb ->> 'withdrawn_by' from audit.log where action = 'purge_withdrawn'"
    assert closed.rows(withdrawn) == [("Grace Hopper",)]
    with pytest.raises(BadInputError, match=f"hold {number} was lifted already"):
        purge(closed, purging.lift, number, case)
    with pytest.raises(BadInputError, match="no tenant nobody"):
        purge(closed, purging.hold, "nobody", None, None, case)
    actions = "select action from audit.log where action like 'hold%%' order by seq"
    assert closed.rows(actions) == [("hold_placed",), ("hold_lifted",)] * 2


def test_a_purge_that_is_killed_goes_on_when_it_is_approved_again(closed: Pipeline) -> None:
    archive(closed)
    receive(closed, "2019-03-07")
    made = purge(closed, purging.propose, ADA)
    line = traced(closed, "acme")
    purge(closed, purging.decide, made, "approved", GRACE)
    # Nothing is deleted yet: the file is read, and proven.
    assert traced(closed, "acme") == line
    path = Path(str(closed.settings.archive)) / "region=eu/month=2019-02/tenant=acme/events.parquet"
    content = path.read_bytes()
    path.write_bytes(content + b"x")
    assert [problem for problem in closed.prove()["archived_files_are_whole"] if "was changed" not in problem] == []
    path.write_bytes(content)
    killed(closed, "purging", "_record", f"purging.carry_out(session, settings.archive, '{made}')")
    # The file is gone, the rows are there; whoever looks is told.
    assert not path.exists()
    assert closed.prove() == {}
    assert closed.rows(DELIVERED)[0] == ("acme", 7)
    assert "may be half deleted: run the purge again" in traced(closed, "acme").purged[0]
    with pytest.raises(BadInputError, match=f"{made} is approved and not carried out; Approve it again"):
        purge(closed, purging.propose, ADA)
    purge(closed, purging.decide, made, "approved", Signed("Alan Turing", "again"))
    assert purge(closed, purging.carry_out, closed.settings.archive, made) == purging.Purged(4, 0, 1)
    assert closed.rows("select decided_by from ledger.purge_decisions") == [("Grace Hopper",)]
    assert closed.prove() == {}


def test_the_contracts_in_force_say_how_long_and_the_longest_of_them_counts(pipeline: Pipeline) -> None:
    for name, days in (("short", 7), ("long", 700)):
        pipeline.configuration.row("retention_classes", retention_class=name, raw_days=1, event_days=days)
    first = {"starts_at": "2019-01-01", "ends_at": "2019-02-15", "retention_class": "long"}
    pipeline.tenant("acme", "m-1", **first)
    pipeline.configuration.contract("acme-2", "acme", starts_at="2019-02-15", retention_class="short")
    # February has both contracts, March the second alone. A clock of 1970 is dated by its receipt.
    pipeline.land(
        *(message("acme", "m-1", n, 1, f"2019-{day}T12:00") for n, day in enumerate(("02-10", "02-20", "03-10")))
    )
    pipeline.land(message("acme", "m-1", 9, 1, "1970-01-01T00:00", "2019-03-11T12:00", session_id="wrong"))
    pipeline.land(message("acme", "m-1", 10, 1, "2019-06-10T12:00"))
    pipeline.process()
    for month in ("2019-02", "2019-03"):
        pipeline.close(month, "2019-04-10")
    for month in (date(1970, 1, 1), FEBRUARY, date(2019, 3, 1)):
        archive(pipeline, month)
    kept = "select first_date::text, retention_class, kept_until_at::date::text from finance.retention_report "
    assert pipeline.rows(f"{kept} where kept_data = 'archived_events' order by first_date") == [
        ("1970-01-01", "short", "2019-04-08"),
        ("2019-02-01", "long", "2021-01-29"),
        ("2019-03-01", "short", "2019-04-08"),
    ]


def test_deliveries_stay_while_a_period_is_open_or_a_refusal_may_be_released(pipeline: Pipeline) -> None:
    pipeline.configuration.row("retention_classes", retention_class="short", raw_days=1)
    pipeline.tenant("acme", "m-1", retention_class="short")
    pipeline.tenant("globex", "m-1")
    # The device of one is not declared, which may be mended; a quantity of another is none, which stays so.
    first = message("acme", "m-1", 1, 1, "2019-02-10T12:00", firmware="2.1")
    pipeline.land(first, *(message(tenant, "m-9", 1, 4, "2019-02-10T12:30") for tenant in ("acme", "globex")))
    pipeline.land(message("acme", "m-1", 7, "NaN", "2019-02-10T12:40"), name="refused.jsonl")
    pipeline.land({**message("acme", "m-1", 2, 1, "2019-02-11T12:00"), "msg_seq": "2"})
    # Received after the month, before the boundary, and of a month that is open.
    sent = {"sent_ts": "2019-03-02T12:00:00Z"}
    pipeline.land(message("acme", "m-1", 3, 1, "2019-02-27T12:00", "2019-03-02T12:00", **sent))
    pipeline.land(message("acme", "m-1", 4, 1, "2019-03-20T12:00"), message("acme", "m-1", 5, 1, "2019-04-20T12:00"))
    pipeline.process()
    due = "select first_date::text, row_count::int from finance.retention_report where is_due order by 1"
    assert pipeline.rows(due) == []
    february = "1 open period, acme:2019-02-01"
    march = february.replace("02", "03")
    both = "2 open periods of 1 tenant, such as acme:2019-02-01"
    blocked = [(row[0], row[2]) for row in pipeline.rows(BLOCKED, "deliveries") if row[1] == "acme"]
    # On 20 April the day after it is not over.
    days = ("2019-02-10", "2019-02-11", "2019-03-02", "2019-03-20", "2019-04-20")
    assert blocked == list(zip(days, (february, february, both, march, None), strict=True))
    pipeline.close("2019-02", "2019-03-05")
    blocked = [row[2] for row in pipeline.rows(BLOCKED, "deliveries") if row[1] == "acme"]
    assert blocked == [None, None, march, march, None]
    # Of 2 March a message may tell of March, which is open.
    assert pipeline.rows(due) == [("2019-02-10", 2), ("2019-02-11", 1)]
    pipeline.close("2019-03", "2019-04-05")
    assert pipeline.rows(due) == [("2019-02-10", 2), ("2019-02-11", 1), ("2019-03-02", 1), ("2019-03-20", 1)]
    made = purge(pipeline, purging.propose, ADA)
    # Another file of a day that is proposed: nobody has agreed to delete it.
    pipeline.land(message("acme", "m-1", 1, 1, "2019-02-10T12:00", "2019-02-10T12:50"))
    pipeline.process()
    purge(pipeline, purging.decide, made, "approved", GRACE)
    # Approved are messages of a tenant: not those of another, not what lies beside a message that stays, and not
    # what came after the proposal.
    extra, others = (
        "select count(*) from raw.extra_fields",
        "odd_messages where fields -> 'tenant_id' ->> 'v' = 'globex'",
    )
    assert pipeline.rows(extra) == pipeline.rows(f"select count(*) from raw.{others}") == [(1,)]
    for stray in (others, "extra_fields", "messages where load_id = (select max(load_id) from raw.messages)"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="is deleted from by approved purges only"):
            pipeline.execute(f"delete from raw.{stray}")
    assert purge(pipeline, purging.carry_out, pipeline.settings.archive, made) == purging.Purged(5, 0, 0)
    assert pipeline.rows(due) == [("2019-02-10", 1)]
    assert carry_out(pipeline) == purging.Purged(1, 0, 0)
    left = "select (select count(*) from raw.messages), (select count(*) from raw.odd_messages)"
    assert pipeline.rows(left) == [(1, 2)]
    assert pipeline.rows(extra) == [(0,)]

    # What was refused is released as if nothing had been purged.
    pipeline.configuration.row("devices", tenant_id="acme", device_id="m-9")
    pipeline.release(Filter(reason="unknown_device", tenant_id="acme"), "Ada Lovelace", "declared")
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "7", "acme:2019-03-01": "1", "acme:2019-04-01": "1"}
    assert len(pipeline.close("2019-02", "2019-03-05")) == 1
    assert pipeline.prove() == {}
    pipeline.audit()


def test_minutes_outlive_their_events_by_the_days_of_their_class(pipeline: Pipeline) -> None:
    days = {"raw_days": "", "event_days": 0, "minute_days": 30}
    pipeline.configuration.row("retention_classes", retention_class="brief", **days)
    pipeline.tenant("acme", "m-1", retention_class="brief")
    pipeline.configuration.metric("peak", aggregation="max")
    pipeline.configuration.metric("level", reading_type="gauge", aggregation="latest")
    at = [f"2019-02-10T12:00:{second}" for second in ("10", "20", "40")]
    rows = [message("acme", "m-1", n, n, stamp) for n, stamp in enumerate(at, 1)]
    # The same minute of metrics whose minutes are no sums.
    rows += [
        message("acme", "m-1", n, q, at[n - 1], metric=m)
        for m in ("peak", "level")
        for n, q in ((1, 1), (2, 5), (3, 3))
    ]
    pipeline.land(*rows, message("acme", "m-1", 4, 1, "2019-03-20T12:00"))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-05")
    archive(pipeline)
    kept = "select metric, trim_scale(quantity)::int, event_count::int from finance.usage_minutely"
    kept += " where bucket_start_at < '2019-03-01' order by 1"
    minutes = [("energy", 6, 3), ("level", 3, 3), ("peak", 5, 3)]
    assert pipeline.rows(kept) == minutes
    # The events go on 1 March, the minutes on 31 March.
    assert carry_out(pipeline) == purging.Purged(0, 0, 1)
    assert pipeline.rows(kept) == minutes
    assert pipeline.prove() == {}
    pipeline.audit()
    pipeline.land(message("acme", "m-1", 5, 1, "2019-03-30T12:00"))
    pipeline.process()
    assert carry_out(pipeline) == purging.Purged(0, 3, 1)
    assert pipeline.rows(kept) == []
    assert list(Path(str(pipeline.settings.archive)).rglob("*.parquet")) == []
    assert pipeline.prove() == {}
    pipeline.audit()


def test_minutes_of_one_minute_that_left_in_two_months_are_one_row(pipeline: Pipeline) -> None:
    # A clock of January, dated by its receipt in February: its events lie in two months of the store.
    pipeline.tenant("acme", "m-1", clock_policy="server")
    pipeline.land(
        message("acme", "m-1", 1, 2, "2019-02-10T12:00:10", "2019-02-10T12:00:11"),
        message("acme", "m-1", 2, 3, "2019-01-10T12:00:00", "2019-02-10T12:00:30", session_id="wrong"),
        message("acme", "m-1", 3, 1, "2019-03-05T12:00"),
    )
    pipeline.process()
    pipeline.close("2019-02", "2019-03-05")
    minutes = pipeline.rows(MINUTES)
    assert [(row[4], row[5]) for row in minutes] == [(5, 2), (1, 1)]
    archive(pipeline, date(2019, 1, 1))
    assert pipeline.rows(MINUTES) == minutes
    archive(pipeline)
    assert pipeline.rows(MINUTES) == minutes
    assert pipeline.prove() == {}
    pipeline.audit()


LATE = {"received": "2019-03-20T12:00", "sent_ts": "2019-03-20T12:00:00Z"}


def close_before_late_use(pipeline: Pipeline) -> None:
    """4 units in a closed February, and 5 that came too late for it."""
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 4, "2019-02-10T12:00"), message("acme", "m-1", 2, 1, "2019-03-20T12:00"))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-05")
    pipeline.land(message("acme", "m-1", 3, 5, "2019-02-11T12:00", **LATE))
    pipeline.process()


def test_a_month_stays_while_late_use_of_its_periods_waits(pipeline: Pipeline) -> None:
    close_before_late_use(pipeline)
    late = "late use of period 2019-02-01 of tenant 1 waits for a"
    with pytest.raises(BadInputError, match=f"{late} reconciliation, .*; Run meterline reconcile"):
        archive(pipeline)
    waits = "late use of 1 closed period, acme:2019-02-01, waiting for a"
    assert pipeline.rows(BLOCKED, "events")[0] == ("2019-02-01", "acme", f"{waits} reconciliation")
    pipeline.reconcile()
    with pytest.raises(BadInputError, match=f"{late} decision"):
        archive(pipeline)
    assert pipeline.rows(BLOCKED, "events")[0] == ("2019-02-01", "acme", f"{waits} decision")
    # What comes after an approved proposal is in none, even if it is worth nothing.
    ((proposal,),) = pipeline.rows("select proposal_id from store.proposals")
    with connect(pipeline.settings, "meterline_approver") as session:
        session.execute("select store.decide_proposal(%s, 'approved', 'Ada', 'meter was read late')", (proposal,))
    waiting = "select waits_for from governance.int_undecided_late_use"
    assert pipeline.rows(waiting) == []
    assert pipeline.rows(BLOCKED, "events")[0] == ("2019-02-01", "acme", None)
    pipeline.land(message("acme", "m-1", 4, 0, "2019-02-12T12:00", **LATE))
    pipeline.process()
    assert pipeline.rows(waiting) == [("reconciliation",)]
    pipeline.reconcile()
    assert len(pipeline.rows("select proposal_id from store.proposals")) == 1
    assert [(file.kind, file.row_count) for file in archive(pipeline).files] == [("events", 3), ("minutes", 1)]


def test_a_reconciliation_that_was_stopped_has_proposed_nothing(pipeline: Pipeline) -> None:
    close_before_late_use(pipeline)
    waiting = "select waits_for from governance.int_undecided_late_use"
    for kind in ("reconcile", "verify"):
        with connect(pipeline.settings, "meterline_transform") as session:
            closing.request(session, kind, closing.NO_MONTH, datetime.now(UTC))
    assert pipeline.rows(waiting) == [("reconciliation",)]
    pipeline.reconcile()
    assert pipeline.rows(waiting) == [("decision",)]


def test_a_month_stays_while_an_open_period_begins_with_its_level(pipeline: Pipeline) -> None:
    pipeline.configuration.metric("stored", unit="GB", reading_type="gauge", aggregation="latest")
    pipeline.configuration.rate_card("hours", (None, "0.01"), metric="stored", charge_basis="time_weighted")
    pipeline.tenant("acme", "a", "b", rate_card_id="hours")
    readings = (("a", 1, 10, "02-10T00:00"), ("a", 2, 20, "03-11T00:00"), ("b", 1, 3, "02-10T00:00"))
    pipeline.land(*(message("acme", name, n, level, f"2019-{at}", metric="stored") for name, n, level, at in readings))
    pipeline.land(message("acme", "a", 3, 10, "2019-04-10T00:00", metric="stored"))
    pipeline.process()
    pipeline.close("2019-02", "2019-04-10")
    stays = "metric stored of tenant 1 is billed by time, and an open period begins with its level of 2019-02-01"
    with pytest.raises(BadInputError, match=stays):
        archive(pipeline)
    levels = "2 levels of 1 tenant, such as stored of acme, by which an open period is billed"
    assert pipeline.rows(BLOCKED, "events")[0] == ("2019-02-01", "acme", levels)
    # A reading of March ended the level of a, yet March is not closed; that of b stands until it is retired.
    pipeline.close("2019-03", "2019-04-10")
    # 10 GB for 240 hours and 20 GB for 504 are 12,480; 3 GB for 744 are 2,232.
    assert pipeline.rows("select total_amount::text from finance.invoices order by invoice_id")[1:] == [("147.12",)]
    with pytest.raises(BadInputError, match=stays):
        archive(pipeline)
    level = "1 level, stored of acme, by which an open period is billed"
    assert pipeline.rows(BLOCKED, "events")[0] == ("2019-02-01", "acme", level)
    pipeline.configuration.tables["devices"][1]["retired_at"] = "2019-03-15T00:00:00Z"
    pipeline.configure()
    assert archive(pipeline).files[0].row_count == 2
    assert pipeline.prove() == {}
