"""What users of the command see of retention: archive, trace, dispute, hold and purge, each in a process of its own."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.integration.test_gate_verbs import meterline
from tests.support import Pipeline, message

ADA = ("--by", "Ada Lovelace", "--reason", "a quarter is over")
GRACE = ("--by", "Grace Hopper", "--reason", "no case is open")
EDITS = """
select event_id, tenant_id, device_id, metric, delivered_quantity::int, old_quantity::int, quantity::int, decided_by,
    is_counted
from finance.edits
"""


def told(pipeline: Pipeline, *arguments: str) -> str:
    """What a command that succeeds says."""
    done = meterline(pipeline, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def refused(pipeline: Pipeline, *arguments: str) -> str:
    """The line of a command that is given something wrong."""
    done = meterline(pipeline, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return str(done.stderr)


def test_a_month_is_archived_disputed_held_and_purged(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.configuration.row("retention_classes", retention_class="minutes", raw_days=7, event_days=7)
    pipeline.tenant("acme", "m-1", retention_class="minutes")
    reading = message("acme", "m-1", 17, 910, "2019-02-10T08:00", firmware="2.1")
    pipeline.land(reading, message("acme", "m-1", 18, 4, "2019-03-10T08:00"))
    pipeline.process()
    told(pipeline, "edit", "acme", "m-1", "energy", "17", "91", "--by", "Ada", "--because", "digits swapped")
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")
    edited = pipeline.rows(EDITS)
    trace = ("trace", "INV-acme-2019-02-01", "--line", "1")
    before = told(pipeline, *trace)
    assert "2.1" in before

    assert "--month '2019-2-1' is not a month" in refused(pipeline, "retention", "archive", "--month", "2019-2-1", *ADA)
    assert "is not closed" in refused(pipeline, "retention", "archive", "--month", "2019-03", *ADA)
    shown = told(pipeline, "retention", "report", "--tenant", "acme")
    assert "blocked by" in shown
    assert "1 open period, acme:2019-03-01" in shown
    archived = told(pipeline, "retention", "archive", "--month", "2019-02", *ADA)
    assert "2019-02: 1 events in 2 file(s) below" in archived
    # Who edited what stays on record without the event.
    assert pipeline.rows(EDITS) == edited
    assert [row[1:] for row in edited] == [("acme", "m-1", "energy", 910, 910, 91, "Ada", True)]
    assert pipeline.rows("select count(*) from dagster.runs where pipeline_name = 'archive_month'") == [(2,)]
    # The edited reading is told from its file with what counts instead.
    assert told(pipeline, *trace) == before

    dispute = tmp_path / "dispute.csv"
    events = (
        "retention",
        "events",
        "--tenant",
        "acme",
        "--device",
        "m-1",
        "--from",
        "2019-02-01",
        "--to",
        "2019-04-01",
    )
    assert "2 events written to" in told(pipeline, *events, "--csv", str(dispute))
    with dispute.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["quantity"], row["edited_quantity"], row["msg_seq"]) for row in rows] == [
        ("910.0000000000", "91.0000000000", "17"),
        ("4.0000000000", "", "18"),
    ]
    assert "billed" in told(pipeline, *events)
    assert "--from 'soon' is not an instant" in refused(pipeline, *events[:7], "soon", *events[8:])

    assert "hold 1: no purge" in told(pipeline, "retention", "hold", "--tenant", "acme", *GRACE)
    assert "nothing is due for purge" in refused(pipeline, "retention", "purge", "--propose", *ADA)
    told(pipeline, "retention", "lift", "1", *GRACE)
    assert "deliveries" in told(pipeline, "retention", "report", "--due")
    proposed = told(pipeline, "retention", "purge", "--propose", *ADA)
    purge_id = proposed.split("--approve ")[1].split()[0]
    assert "say what to do" in refused(pipeline, "retention", "purge", *ADA)
    assert "somebody else must approve it" in refused(pipeline, "retention", "purge", "--approve", purge_id, *ADA)
    assert "is not approved" in refused(pipeline, "retention", "purge", "--withdraw", purge_id, *ADA)
    purged = told(pipeline, "retention", "purge", "--approve", purge_id, *GRACE)
    assert "deleted: 1 deliveries, 0 minutes, 1 files" in purged
    assert "approved by Grace Hopper" in told(pipeline, *trace)
    assert pipeline.prove() == {}
