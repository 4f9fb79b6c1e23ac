"""The code location as the UI shows it."""

import subprocess
import sys

import pytest
from dagster import AssetCheckKey, AssetKey, DefaultScheduleStatus, DefaultSensorStatus

from orchestration.definitions import defs
from orchestration.runner import ONE_STEP, job_of_that_name

DESK = {"list_quarantine", "show_quarantined", "release_quarantined"}
DESK |= {"move_invoices", "propose_adjustment", "decide_proposal", "promote_rates", "roll_back_rates", "check_rates"}
DESK |= {"hold_data", "propose_purge"}
WITHOUT_TURN = {
    "trace",
    "override_gate",
    "trace_score",
    "import_readings",
    "edit_event",
    "import_rates",
    "import_holidays",
} | DESK
CLOSING = {"close_period", "reconcile", "verify", "explain_invoices"}
RATING = {"verify_rates", "preview_invoices", "simulate_rates", "stage_rates"}
RETENTION = {"archive_month", "archive_months", "decide_purge", "rebuild_indexes"}
JOBS = (
    {"load_config", "process_days", "publish_views", "check_tables", "build_docs"}
    | CLOSING
    | RATING
    | RETENTION
    | WITHOUT_TURN
)
MODEL_JOBS = {"train_models", "score_usage"}


@pytest.fixture(scope="module")
def specs():
    return [spec for spec in defs.resolve_all_asset_specs() if spec.group_name != "default"]


def test_every_asset_has_an_owner_a_group_a_kind_and_a_description(specs):
    assert len(specs) > 60
    assert [spec.key.to_user_string() for spec in specs if not (spec.owners and spec.group_name)] == []
    assert [spec.key.to_user_string() for spec in specs if not (spec.description and spec.kinds)] == []


def test_groups_are_the_stages_of_the_pipeline(specs):
    groups = {spec.group_name for spec in specs}
    assert groups == {
        "landing",
        "staging",
        "metering",
        "store",
        "usage",
        "billing",
        "finance",
        "governance",
        "ml",
        "rating",
    }


def test_every_verb_is_a_job_with_a_description():
    jobs = {job.name: job for job in defs.resolve_all_job_defs() if not job.name.startswith("__")}
    assert set(jobs) == JOBS | MODEL_JOBS
    assert [name for name, job in jobs.items() if not job.description] == []
    assert [name for name in set(jobs) - WITHOUT_TURN if "meterline/lock" not in jobs[name].tags] == []


def test_work_on_the_same_tables_waits_its_turn_however_it_is_launched():
    """A backfill or a selection in the UI is no run of a job and has none of its tags; pools go with the assets."""
    pools = {}
    for job in defs.resolve_all_job_defs():
        if not job.name.startswith("__") and job.name not in WITHOUT_TURN:
            lock = job.tags["meterline/lock"]
            for node in job.all_node_defs:
                if node.name != "config__loads":  # waits for its own lock in the database
                    pools[(lock, node.name)] = node.pool
    assert {lock for lock, _ in pools} == {"books", "models", "documentation"}
    assert {place: pool for place, pool in pools.items() if pool != place[0]} == {}


def test_nothing_but_alerts_runs_before_somebody_turns_it_on():
    assert {schedule.default_status for schedule in defs.schedules} == {DefaultScheduleStatus.STOPPED}
    assert {sensor.name for sensor in defs.sensors if sensor.default_status == DefaultSensorStatus.RUNNING} == {
        "alert_on_failure"
    }


def test_lineage_leads_from_the_landing_files_to_the_invoice():
    graph = defs.resolve_asset_graph()
    for name in ("invoices", "invoice_lines", "billing_events", "usage_daily"):
        upstream = graph.get_ancestor_asset_keys(AssetKey(["finance", name]))
        assert {AssetKey(["raw", "messages"]), AssetKey(["config", "loads"])} <= upstream, name
    assert AssetKey(["ledger", "cleared_invoices"]) in graph.get_ancestor_asset_keys(AssetKey(["finance", "invoices"]))


def test_dbt_tests_are_checks_of_their_assets():
    checks = {key.name for key in defs.resolve_asset_graph().asset_check_keys}
    assert {"messages_are_conserved", "close_sees_every_load", "tiers_price_all_units"} <= checks


def test_the_gates_of_a_close_block_what_comes_after():
    graph = defs.resolve_asset_graph()
    cleared = AssetKey(["ledger", "cleared_invoices"])
    gates = {AssetCheckKey(cleared, "usage_gate"), AssetCheckKey(cleared, "invoice_gate")}
    assert {key for key in gates if graph.get(key).blocking} == gates
    assert AssetKey(["billing", "int_new_invoices"]) in graph.get_ancestor_asset_keys(cleared)
    assert cleared in graph.get_ancestor_asset_keys(AssetKey(["billing", "store_period_closes"]))


def test_a_job_without_assets_is_the_same_without_those_of_dbt():
    without_assets = {job.name for job in defs.resolve_all_job_defs() if not job.asset_layer.executable_asset_keys}
    # That one judges the checks of dbt's assets.
    assert set(ONE_STEP) == without_assets - {"check_tables"}
    for name in sorted(ONE_STEP):
        alone, among_all = job_of_that_name(name), defs.resolve_job_def(name)
        assert alone.graph is among_all.graph
        assert (alone.tags, alone.description) == (among_all.tags, among_all.description)
        assert alone.run_config_schema.config_type.key == among_all.run_config_schema.config_type.key


def test_a_job_without_assets_starts_without_dbt():
    jobs = f"for name in {sorted(ONE_STEP)}: job_of_that_name(name)"
    code = f"from orchestration.runner import job_of_that_name\n{jobs}\nimport sys; print('dagster_dbt' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert finished.stdout == "False\n"
