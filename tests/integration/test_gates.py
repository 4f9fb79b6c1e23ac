"""Gates on seeded defects, with the real database: what is stopped, what is not, and who may decide otherwise."""

from __future__ import annotations

import json
import subprocess
import sys

import psycopg
import pytest

from orchestration.database.connection import connect
from orchestration.errors import BadInputError, GateFailedError
from orchestration.gate_docs import build_gate_docs
from tests.support import Message, Pipeline, message

DAY = "2019-02-10"
BALANCE = """
select sum(message_count)::int, sum(stored_count)::int, sum(duplicate_count)::int, sum(quarantined_count)::int
from governance.load_balance where load_id in (select load_id from ledger.loads where status = 'applied')
"""


def hour(tenant: str, number: int, **others: object) -> Message:
    """Message `number` of the tenant's device m-1: 1 kWh, a minute after the one before."""
    return message(tenant, "m-1", number, 1, f"{DAY}T{8 + number // 60:02}:{number % 60:02}", **others)


@pytest.fixture
def two_tenants(pipeline: Pipeline) -> Pipeline:
    pipeline.tenant("acme", "m-1")
    pipeline.tenant("globex", "m-1")
    return pipeline


# --- landing ----------------------------------------------------------------------------------------------------------


def spreadsheet(rows: int) -> bytes:
    """Somebody else's file."""
    return b"name,salary\n" + b"".join(b"Ada,%d\n" % number for number in range(rows))


def test_a_file_that_is_no_telemetry_blocks_itself_and_no_other(two_tenants: Pipeline) -> None:
    two_tenants.land(hour("acme", 1))
    path = two_tenants.land_bytes("salaries.csv", spreadsheet(1000), DAY)
    two_tenants.process()

    (subject,) = two_tenants.held
    assert subject.startswith(f"{path}@")
    assert two_tenants.held[subject] == "file_holds_messages"
    assert two_tenants.rows("select status::text, detail from ledger.loads order by source_file") == [
        ("applied", None),
        ("blocked", "landing gate: 1.0 of its 1000 records name neither tenant nor device (at most 0.95 expected)"),
    ]
    assert two_tenants.rows(BALANCE) == [(1, 1, 0, 0)]
    assert two_tenants.refused() == []
    # It stands in nobody's way.
    assert len(two_tenants.close("2019-02", "2019-03-04")) == 2


def test_a_small_file_of_garbage_is_refused_row_by_row(two_tenants: Pipeline) -> None:
    two_tenants.land_bytes("garbage.csv", spreadsheet(999), DAY)
    two_tenants.process()

    assert two_tenants.held == {}
    assert two_tenants.refused() == [("missing_field", 999)]


def test_a_blocked_file_goes_on_once_a_person_has_decided(two_tenants: Pipeline) -> None:
    two_tenants.land_bytes("salaries.csv", spreadsheet(1000), DAY)
    two_tenants.process()
    (subject,) = two_tenants.held
    two_tenants.override("landing", subject, "Ada Lovelace", "the rows are to be on record")
    two_tenants.process()

    assert two_tenants.held == {}
    assert two_tenants.refused() == [("missing_field", 1000)]


BY_A_PROCESS_OF_ITS_OWN = """
import sys
from orchestration.database.connection import connect
from orchestration.load_gates import judge_landed
from orchestration.settings import Settings
with connect(Settings.from_environment(), "meterline_transform") as session:
    print(len(judge_landed(session)[0].subjects), "great_expectations" in sys.modules)
"""


def test_a_blocked_file_that_nobody_has_decided_about_imports_no_library(two_tenants: Pipeline) -> None:
    def judged() -> str:
        command = [sys.executable, "-c", BY_A_PROCESS_OF_ITS_OWN]
        environment = two_tenants.environment()
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    two_tenants.land_bytes("salaries.csv", spreadsheet(1000), DAY)
    two_tenants.process()
    (subject,) = two_tenants.held
    assert judged() == "0 False"
    two_tenants.override("landing", subject, "Ada Lovelace", "the rows are to be on record")
    assert judged() == "1 True"


def test_a_file_whose_rows_were_lost_on_the_way_cannot_be_waved_through(two_tenants: Pipeline) -> None:
    two_tenants.land(hour("acme", 1), hour("acme", 2), name="a.jsonl")
    two_tenants.land(hour("globex", 1), name="b.jsonl")
    two_tenants.configure()
    two_tenants.load()
    two_tenants.execute("alter table raw.messages disable trigger approved_purges")
    two_tenants.execute("delete from raw.messages where row_number = 2")
    two_tenants.gate_landed()

    (subject,) = two_tenants.held
    assert subject.startswith(f"region=eu/date={DAY}/a.jsonl@")
    assert two_tenants.held[subject] == "every_record_is_there"
    two_tenants.meter()
    assert two_tenants.rows("select tenant_id from finance.billing_events") == [("globex",)]
    with pytest.raises(BadInputError, match="nobody can override every_record_is_there: 2 records in the file, 1 in"):
        two_tenants.override("landing", subject, "Ada Lovelace", "never mind")


# 49 messages in the metric's unit, 51 in another one.
UNITS = {"kWh": (1, 50), "MWh": (50, 101)}


# --- event store ------------------------------------------------------------------------------------------------------


def test_a_tenant_whose_messages_are_refused_is_not_closed_and_the_others_are(two_tenants: Pipeline) -> None:
    # 100 messages of acme: 49 are stored, 51 have a unit that the metric does not have.
    two_tenants.land(
        *(hour("acme", n, **({"unit": "MWh"} if n > 49 else {})) for n in range(1, 101)), hour("globex", 1)
    )
    two_tenants.process()

    assert two_tenants.held == {f"acme@{DAY}": "messages_are_accepted"}
    assert two_tenants.close("2019-02", "2019-03-04") == [("INV-globex-2019-02-01", 1, "1.00")]
    assert two_tenants.held == {"acme:2019-02-01": "events_are_cleared"}

    two_tenants.override("events", f"acme@{DAY}", "Ada Lovelace", "the meter was tested; not to be billed")
    assert two_tenants.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "49.00")]


def test_half_of_the_messages_refused_is_still_let_through(two_tenants: Pipeline) -> None:
    two_tenants.land(*(hour("acme", n, **({"unit": "MWh"} if n > 50 else {})) for n in range(1, 101)))
    two_tenants.process()
    assert two_tenants.held == {}


def test_the_day_is_judged_as_a_whole_however_its_files_come(two_tenants: Pipeline) -> None:
    bad = [hour("acme", n, unit="MWh") for n in range(1, 101)]
    two_tenants.land(*bad)
    two_tenants.process()
    assert two_tenants.held == {f"acme@{DAY}": "messages_are_accepted"}
    # 100 good ones in a later file: half of the day is refused, which is let through, and the hold is gone.
    two_tenants.land(*(hour("acme", n) for n in range(101, 201)))
    two_tenants.process()
    assert two_tenants.held == {}
    assert len(two_tenants.close("2019-02", "2019-03-04")) == 2


def test_clocks_that_are_wrong_all_over_hold_the_period(two_tenants: Pipeline) -> None:
    # Two hours behind, on sessions of their own: 101 of 101 clocks are not trusted.
    late = [
        hour("acme", n, session_id=f"s-{n}", received=f"{DAY}T{10 + n // 60:02}:{n % 60:02}:01") for n in range(1, 102)
    ]
    two_tenants.land(*late, hour("globex", 1))
    two_tenants.process()
    assert two_tenants.held == {f"acme@{DAY}": "clocks_are_trusted"}


def test_a_glitch_among_many_events_holds_the_period(two_tenants: Pipeline) -> None:
    # 99 kWh in 99 events and 9,900 in one: 0.9901 of the use.
    events = [hour("acme", n) for n in range(1, 100)] + [hour("acme", 100) | {"quantity": "9900"}]
    two_tenants.land(*events, hour("globex", 1))
    two_tenants.process()
    assert two_tenants.held == {f"acme@{DAY}": "no_event_dominates"}


def test_a_crash_between_metering_and_its_gate_is_repaired_by_the_next_run(two_tenants: Pipeline) -> None:
    two_tenants.land(*(hour("acme", n, unit="MWh") for n in range(1, 101)))
    two_tenants.process()
    # As if the process had died before the gate's transaction.
    two_tenants.execute("update ledger.loads set events_judged_at = null")
    with pytest.raises(GateFailedError, match=r"1 load.s. are not metered and judged yet"):
        two_tenants.close("2019-02", "2019-03-04")
    two_tenants.process()
    assert two_tenants.held == {f"acme@{DAY}": "messages_are_accepted"}


# --- decisions and records --------------------------------------------------------------------------------------------


def test_a_decision_needs_a_hold_a_name_and_a_reason(two_tenants: Pipeline) -> None:
    two_tenants.land(*(hour("acme", n, unit="MWh") for n in range(1, 101)))
    two_tenants.process()
    with pytest.raises(BadInputError, match=f"does not hold 'globex@{DAY}'; held are: events acme@{DAY}"):
        two_tenants.override("events", f"globex@{DAY}", "Ada Lovelace", "why not")
    with pytest.raises(BadInputError, match="named person"):
        two_tenants.override("events", f"acme@{DAY}", " ", "why not")
    with pytest.raises(BadInputError, match="--reason"):
        two_tenants.override("events", f"acme@{DAY}", "Ada Lovelace", "")
    two_tenants.override("events", f"acme@{DAY}", "Ada Lovelace", "tested")
    with pytest.raises(BadInputError, match="held are: none"):
        two_tenants.override("events", f"acme@{DAY}", "Ada Lovelace", "again")


def test_a_decision_covers_what_the_person_saw_and_nothing_found_later(two_tenants: Pipeline) -> None:
    two_tenants.land(*(hour("acme", n, unit="MWh") for n in range(1, 101)))
    two_tenants.process()
    two_tenants.override("events", f"acme@{DAY}", "Ada Lovelace", "a test of 100 messages")
    # The same findings again: a tenant without news leaves the day as it was decided.
    two_tenants.land(hour("globex", 1))
    two_tenants.process()
    assert two_tenants.held == {}
    # 101 refused messages are not the 100 that were decided upon.
    two_tenants.land(hour("acme", 101, unit="MWh"))
    two_tenants.process()
    assert two_tenants.held == {f"acme@{DAY}": "messages_are_accepted"}
    verdicts = "select verdict from ledger.gate_verdicts where gate = 'events' and subject = %s order by gate_run_id"
    assert two_tenants.rows(verdicts, f"acme@{DAY}") == [("held",), ("overridden",), ("held",)]
    decisions = "select decided_by, reason from ledger.gate_overrides"
    assert two_tenants.rows(decisions) == [("Ada Lovelace", "a test of 100 messages")]


@pytest.mark.parametrize("role", ["meterline_transform", "meterline_ingest", "meterline_score", "meterline_finance"])
def test_only_who_approves_may_decide(two_tenants: Pipeline, role: str) -> None:
    with connect(two_tenants.settings, role) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("select ledger.override_gate('usage', 'acme:2019-02-01', 'x', 'me', 'because')")


def test_the_data_docs_say_what_was_held_and_load_nothing_from_elsewhere(two_tenants: Pipeline) -> None:
    folder = two_tenants.settings.home / "docs" / "gates"
    build_gate_docs(two_tenants.settings, folder)
    assert "Nothing was judged yet" in (folder / "index.html").read_text()

    two_tenants.land(*(hour("acme", n, unit="MWh") for n in range(1, 101)), hour("globex", 1))
    two_tenants.process()
    two_tenants.close("2019-02", "2019-03-04")
    build_gate_docs(two_tenants.settings, folder)

    runs = two_tenants.rows("select gate, gate_run_id, held_count from ledger.gate_runs order by gate_run_id")
    assert [(gate, held) for gate, _, held in runs] == [("landing", 0), ("events", 1), ("usage", 1), ("invoices", 0)]
    for gate, gate_run_id, _ in runs:
        assert f"{gate}/{gate_run_id}.html" in (folder / "index.html").read_text()
    report = (folder / "events" / f"{runs[1][1]}.html").read_text()
    assert f"acme@{DAY}" in report
    assert "1.0 of 100 messages were refused" in report
    for page in folder.rglob("*.html"):
        text = page.read_text()
        assert "<script" not in text.replace("<script>", "") or "src=" not in text
        assert "https://" not in text


def test_what_a_gate_said_is_the_librarys_own_result(two_tenants: Pipeline) -> None:
    two_tenants.land(hour("acme", 1))
    two_tenants.process()
    ((document,),) = two_tenants.rows("select document from ledger.gate_runs where gate = 'landing'")
    assert document["success"] is True
    assert document["suite_name"] == "landing"
    assert "every_record_is_there" in json.dumps(document)
