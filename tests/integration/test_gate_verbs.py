"""What a user of the command sees of a hold: which, why, what to do, and the exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import Message, Pipeline, message

METERLINE = str(Path(sys.executable).with_name("meterline"))
DAY = "2019-02-10"
SALARIES = b"name,salary\n" + b"Ada,1\n" * 1000


def minute(number: int) -> Message:
    """Message `number` of the only meter: 1 kWh, a minute after the one before."""
    return message("acme", "m-1", number, 1, f"{DAY}T08:{number:02}")


def meterline(pipeline: Pipeline, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command on this platform, in a process of its own."""
    inherited = {name: v for name, v in os.environ.items() if not name.startswith(("METERLINE_", "PG", "DAGSTER"))}
    return subprocess.run(
        [METERLINE, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=inherited | pipeline.environment(),
        timeout=300,
    )


@pytest.fixture
def acme(pipeline: Pipeline) -> Pipeline:
    pipeline.tenant("acme", "m-1")
    pipeline.configuration.write(Path(str(pipeline.settings.config_url)))
    return pipeline


def test_a_hold_is_told_once_then_mentioned_and_shown_until_a_person_decides(acme: Pipeline) -> None:
    path = acme.land_bytes("salaries.csv", SALARIES, DAY)
    # The only file of the run: there is nothing to meter.
    finished = meterline(acme, "process")
    assert finished.returncode == 1, finished.stdout + finished.stderr
    assert f"check landing_gate holds {path}@" in finished.stderr
    assert "file_holds_messages: 1.0 of its 1000 records name neither tenant nor device" in finished.stderr
    assert "Traceback" not in finished.stderr

    acme.land(minute(1), name="good.jsonl")
    later = meterline(acme, "process")
    assert later.returncode == 0, later.stdout + later.stderr
    assert "1 still held from before: see `meterline gates show`" in later.stdout
    assert acme.rows("select tenant_id from finance.billing_events") == [("acme",)]

    shown = meterline(acme, "gates", "show", "landing")
    assert shown.returncode == 0
    assert f"landing gate holds {path}@" in shown.stdout

    unknown = meterline(acme, "gates", "show", "lading")
    assert unknown.returncode == 2
    assert "there is no gate 'lading'; the gates are landing, events, usage, invoices" in unknown.stderr

    ((subject,),) = acme.rows("select distinct subject from governance.standing_holds")
    decided = meterline(acme, "gates", "override", "landing", subject, "--by", "Ada Lovelace", "--reason", "on record")
    assert decided.returncode == 0, decided.stdout + decided.stderr
    assert "Ada Lovelace lets" in decided.stdout
    assert meterline(acme, "gates", "show").stdout.strip().endswith("nothing is held")
