"""What operators see: traces and metrics that a real collector receives, and log lines that programs can read."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg import conninfo

from orchestration.observability import instruments
from tests.collector import Collector, attributes, collecting
from tests.integration.test_cli import meterline, shell
from tests.support import Pipeline, message

BALANCE = """
select region, received_date::text, sum(message_count)::int, sum(stored_count)::int, sum(duplicate_count)::int,
    sum(quarantined_count)::int, sum(late_not_billed_count)::int
from governance.load_balance
group by 1, 2
order by 2
"""
OUTCOMES = ("received", "stored", "duplicate", "quarantined", "late_not_billed")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PROGRAM = """
from orchestration.observability import instruments, signals
with signals.span("work", {}):
    signals.tell(instruments.FILES, 1, {})
"""
# Seconds between the last statement of a program and its end: two are allowed, and the machine is shared.
LONGEST_FAREWELL = 3.5


def land_a_small_zone(pipeline: Pipeline) -> dict[str, str]:
    """Six messages of one tenant; returns the variables of the platform.

    Received on 10 February: two of that day, one of them twice, one without a number, and one of January, whose
    boundary was 4 February. On 5 March: one.
    """
    pipeline.tenant("acme", "m-1")
    pipeline.configuration.row("budgets", budget_id="cellar", tenant_id="acme", metric="energy", quantity=25)
    first = message("acme", "m-1", 1, 10, "2019-02-10T10:00")
    pipeline.land(
        first,
        message("acme", "m-1", 2, 20, "2019-02-10T11:00"),
        first | {"received_at": "2019-02-10T11:30:00Z"},
        message("acme", "m-1", 3, "ten", "2019-02-10T12:00"),
        message("acme", "m-1", 4, 5, "2019-01-20T12:00", "2019-02-10T13:00"),
        message("acme", "m-1", 5, 7, "2019-03-05T12:00"),
    )
    pipeline.configuration.write(Path(str(pipeline.settings.config_url)))
    return pipeline.environment()


@pytest.fixture
def zone(pipeline: Pipeline) -> dict[str, str]:
    return land_a_small_zone(pipeline)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as started:
        yield started


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command that succeeds."""
    finished = meterline(*arguments, **variables)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished


def python(program: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A program that succeeds, with these variables."""
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, check=False, env=shell(variables), capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished


def parents(collector: Collector, name: str) -> set[str]:
    """Names of the spans around the spans of that name."""
    names = {span.span_id: span.name for span in collector.spans()}
    return {names.get(span.parent_span_id, "") for span in collector.named(name)}


def test_a_collector_gets_what_the_database_says(pipeline, zone, collector):
    observed = zone | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "TRACEPARENT": TRACEPARENT}
    run("process", **observed)

    february, march = pipeline.rows(BALANCE)
    # By hand: 5 = 2 stored + 1 duplicate + 1 refused + 1 late; 1 = 1 stored.
    assert february == ("eu", "2019-02-10", 5, 2, 1, 1, 1)
    assert march == ("eu", "2019-03-05", 1, 1, 0, 0, 0)
    for region, day, *counts in (february, march):
        for outcome, count in zip(OUTCOMES, counts, strict=True):
            assert collector.total(f"meterline.messages.{outcome}", region=region, partition=day) == count, outcome
    received, *rest = (collector.total(f"meterline.messages.{outcome}") for outcome in OUTCOMES)
    assert received == sum(rest) == 6
    assert collector.total("meterline.files.read", outcome="landed", region="eu") == 2
    assert [point.as_int for _, point in collector.points("meterline.files.waiting")][-1] == 0
    ((lagging, lag),) = collector.points("meterline.metering.lag")
    assert (lagging, lag.count) == ({"meterline.region": "eu"}, 2)
    since = time.time() - datetime(2019, 3, 5, 12, 0, 1, tzinfo=UTC).timestamp()
    assert lag.min == pytest.approx(since, abs=600)

    (around,) = collector.named("run process_days")
    assert around.trace_id.hex() == TRACEPARENT.split("-")[1]
    assert around.parent_span_id.hex() == TRACEPARENT.split("-")[2]
    assert {span.trace_id for span in collector.spans()} == {around.trace_id}
    assert attributes(around.attributes)["meterline.partition"] == "2019-02-10..2019-03-05"
    assert parents(collector, "step raw__messages") == {"run process_days"}
    assert parents(collector, "dbt build") == {"step metering_models"}
    assert parents(collector, "model store_events") == {"dbt build"}
    assert parents(collector, "load") == {"step raw__messages"}
    loads = [attributes(span.attributes) for span in collector.named("load")]
    assert [(load["meterline.load.id"], load["meterline.messages"]) for load in loads] == pipeline.rows(
        "select load_id, message_count from ledger.loads where region is not null order by 1"
    )
    assert [span.name for span in collector.spans() if span.status.code] == []
    assert all(around.start_time_unix_nano <= span.start_time_unix_nano for span in collector.spans())
    assert {resource["service.name"] for resource in collector.resources()} == {"meterline"}

    # Nothing is told twice: by delta, a second process adds what is new.
    collector.requests.clear()
    run("close", "--period", "2019-02", **observed)
    assert collector.points("meterline.messages.received") == []
    ((of_close, duration),) = collector.points("meterline.close.duration")
    assert (of_close, duration.count) == ({"meterline.partition": "2019-02"}, 1)
    (close,) = collector.named("close")
    (asked,) = pipeline.rows("select close_id, extract(epoch from requested_at)::float from ledger.close_requests")
    assert attributes(close.attributes)["meterline.close.id"] == asked[0]
    assert close.start_time_unix_nano / 1e9 == pytest.approx(asked[1], abs=0.001)
    assert duration.sum == pytest.approx((close.end_time_unix_nano - close.start_time_unix_nano) / 1e9, abs=0.001)
    assert collector.total("meterline.invoices.made", partition="2019-02") == 1
    assert pipeline.rows("select count(*)::int from finance.invoices") == [(1,)]
    assert {metric.name for metric in collector.metrics()} <= {one.name for one in instruments.ALL}


def test_what_fails_is_a_failed_span_and_nothing_of_its_words(zone, collector):
    finished = meterline("close", "--period", "2019-02", **zone, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert finished.returncode != 0
    (step,) = collector.named("step ledger__close_requests")
    (around,) = collector.named("run close_period")
    assert (step.status.code, step.status.message) == (2, "")
    assert attributes(step.attributes)["error.type"] == "BadInputError"
    assert around.status.code == 2
    outcomes = [told["meterline.outcome"] for told, _ in collector.points("meterline.run.duration")]
    assert outcomes == ["failure"]


def test_a_batch_of_follow_is_a_span_and_says_how_long_files_lay_there(zone, collector):
    run("follow", "--every", "0.5", "--until-idle", "1", **zone, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert parents(collector, "run process_days") == {"follow batch"}
    ((_, lag),) = collector.points("meterline.following.lag")
    # The files were written by this test.
    assert lag.count == 2
    assert 0 < lag.sum < 2 * 600
    assert [point.as_int for _, point in collector.points("meterline.files.waiting")][-1] == 0


@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_one_of_the_two_may_be_asked_for(signal, collector):
    python(PROGRAM, {f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT": f"{collector.url}/v1/{signal}"})
    assert [span.name for span in collector.spans()] == (["work"] if signal == "traces" else [])
    assert collector.total("meterline.files.read") == (1 if signal == "metrics" else 0)


def test_a_collector_that_is_away_fails_nothing_and_is_mentioned_once(pipeline, zone):
    finished = run("process", **zone, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", METERLINE_LOGS="json")
    assert pipeline.rows("select sum(stored_count)::int from governance.load_balance") == [(3,)]
    said = "telemetry could not be sent to 127.0.0.1:9; the work goes on without it"
    warned = [line["message"] for line in read(finished.stdout) if line["level"] == "warning"]
    assert warned.count(said) == 1
    assert finished.stderr == ""


@pytest.mark.parametrize("is_silent", [True, False], ids=["takes and never answers", "refuses"])
def test_the_end_of_a_process_does_not_wait_for_a_collector(is_silent):
    program = PROGRAM + "import time\nprint(time.time(), flush=True)"
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if is_silent:
            server.listen(8)
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        finished = python(program, {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
        ended = time.time()
    assert ended - float(finished.stdout) < LONGEST_FAREWELL
    assert finished.stderr.count("telemetry could not be sent") == 1
    assert "Traceback" not in finished.stderr


def test_variables_that_are_wrong_are_mentioned_and_fail_nothing():
    program = "from orchestration.observability import signals\nassert not signals.is_on()\nassert not signals.is_on()"
    wrong = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_MAX_QUEUE_SIZE": "-1"}
    finished = python(program, wrong)
    assert finished.stderr.count("meterline: no telemetry is sent: ValueError") == 1


def loaded_by(program: str, variables: dict[str, str]) -> set[str]:
    """Modules of OpenTelemetry in a process that ran the program."""
    program += "\nimport sys\nprint(*sorted(m for m in sys.modules if m.split('.')[0] == 'opentelemetry'))"
    finished = python(program, variables)
    return set(finished.stdout.splitlines()[-1].split())


def test_nothing_is_imported_where_no_collector_is_named(zone):
    verbs = "from orchestration import cli, console, runner, verbs\nfrom orchestration.ingest import loader\n"
    work = verbs + "from orchestration.observability import measures, runs\n" + PROGRAM
    assert loaded_by(work, {}) == set()
    assert loaded_by(work, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}) == set()
    # The same program can tell: with a collector the libraries are there.
    assert "opentelemetry.sdk.trace" in loaded_by(work, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    whole = """
import sys
from orchestration import cli
sys.argv = ["meterline", "process"]
try:
    cli.main()
except SystemExit as end:
    assert not end.code
"""
    loaded = loaded_by(whole, zone)
    assert {module for module in loaded if module.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))} == set()


def read(output: str) -> list[dict[str, Any]]:
    """Log lines; every one of them is an object with what each line has."""
    lines = [json.loads(line) for line in output.splitlines()]
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    return lines


def test_every_line_is_an_object_with_its_ids_and_no_secret(pipeline, zone):
    secret = "hush hush/9%"
    quiet = zone | {
        "METERLINE_LOGS": "json",
        "METERLINE_DATABASE_URL": conninfo.make_conninfo(zone["METERLINE_DATABASE_URL"], password=secret),
    }
    finished = run("process", **quiet)
    assert finished.stderr == ""
    lines = read(finished.stdout)
    ((run_id,),) = pipeline.rows("select run_id from dagster.runs where pipeline_name = 'process_days'")
    of_run = [line for line in lines if line.get("run_id") == run_id]
    assert {line["partition"] for line in of_run} == {"2019-02-10..2019-03-05"}
    assert {line["job"] for line in of_run} == {"process_days"}
    ids = [row[0] for row in pipeline.rows("select load_id from ledger.loads where region is not null order by 1")]
    landed = [line for line in of_run if line.get("outcome") == "landed"]
    assert [(line["load_ids"], line["messages"], line["step"]) for line in landed] == [
        ([ids[0]], 5, "raw__messages"),
        ([ids[1]], 1, "raw__messages"),
    ]
    assert [line["load_ids"] for line in of_run if line["message"].startswith("metered")] == [ids]
    of_dbt = [line for line in of_run if line.get("node") == "model.meterline.store_events"]
    assert [line["step"] for line in of_dbt] == ["metering_models"] * len(of_dbt)
    assert any("OK created" in line["message"] for line in of_dbt)
    assert [line["tenant"] for line in of_run if "acme passed budget cellar" in line["message"]] == ["acme"]
    # What the terminal shows otherwise, too: the balance by region, as it is in the database.
    (balance,) = [line["row"] for line in lines if line["message"] == "What became of every message"]
    assert (balance["messages in"], balance["= stored"]) == (6, 3)

    closed = run("close", "--period", "2019-02", **quiet)
    assert "2019-02: 1 invoice version(s) made for 1 due period(s)" in [line["message"] for line in read(closed.stdout)]
    refused = meterline("close", "--period", "2019-03", **quiet)
    assert refused.returncode == 2
    assert [line["level"] for line in read(refused.stderr)] == ["error"]
    failed = [line for line in read(refused.stdout) if line.get("error") == "BadInputError"]
    assert [line.get("step") for line in failed] == ["ledger__close_requests", None]
    # The command says why; the log, which names no persons, says where.
    assert "acme:2019-03-01 is not due" in read(refused.stderr)[0]["message"]
    assert "acme:2019-03-01 is not due" not in refused.stdout
    for output in (finished.stdout, closed.stdout, refused.stdout, refused.stderr):
        assert secret not in output


def test_a_run_that_others_launch_writes_the_same_lines_within_the_span_of_who_launched_it(zone, collector):
    run("process", **zone)
    exported = dict(line.removeprefix("export ").split("=", 1) for line in run("env", **zone).stdout.splitlines())
    command = [str(Path(sys.executable).with_name("dagster")), "job", "execute", "-m", "orchestration.definitions"]
    variables = zone | {name: value.strip("'") for name, value in exported.items()}
    variables |= {"METERLINE_LOGS": "json", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    asked = ["-j", "load_config", "--tags", json.dumps({"meterline/traceparent": TRACEPARENT})]
    finished = subprocess.run([*command, *asked], env=shell(variables), capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    messages = [line["message"] for line in read(finished.stdout) if line.get("job") == "load_config"]
    assert 'Finished execution of run for "load_config".' in messages
    # The notice of that command about itself is all that it writes in its own way.
    assert [word for word in ("load_config", "backfill_policy", "handlers") if word in finished.stderr] == []
    (around,) = collector.named("run load_config")
    assert around.parent_span_id.hex() == TRACEPARENT.split("-")[2]


def test_a_form_of_logs_that_there_is_not_is_refused(zone):
    finished = meterline("process", **zone, METERLINE_LOGS="xml")
    assert finished.returncode == 2
    assert finished.stderr == "meterline: METERLINE_LOGS='xml' is no form of logs; it is text or json\n"
