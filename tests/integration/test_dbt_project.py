"""The dbt project tests itself: its unit tests, its audit suite, and what its documentation must say."""

import pytest

from tests.support import run_dbt


@pytest.fixture(scope="module")
def models(project):
    return [node for node in project.nodes.values() if node.resource_type == "model"]


def test_every_rule_passes_its_dbt_unit_tests(pipeline):
    run_dbt(pipeline.settings, "test", "--select", "test_type:unit")


def test_every_model_says_what_one_row_is(models):
    assert [model.name for model in models if not model.description.startswith("One row per")] == []


def test_every_column_that_finance_reads_is_described_and_under_contract(models):
    public = [model for model in models if model.path.startswith("finance/")]
    undescribed = [
        f"{m.name}.{c.name}" for m in public for c in m.columns.values() if not (c.description and c.data_type)
    ]
    assert undescribed == []
    assert [model.name for model in public if not model.contract.enforced or model.access != "public"] == []


def test_what_design_publishes_is_there(models):
    names = {model.name for model in models if model.path.startswith("finance/")}
    assert names >= {
        "billing_events", "device_usage", "fleet_usage", "usage_minutely", "usage_hourly", "usage_daily", "invoices",
        "invoice_lines", "quarantined_messages", "late_events", "duplicate_rates", "period_closes", "audit_log",
        "scores",
    }  # fmt: skip


def test_no_score_lies_upstream_of_an_amount(project):
    scores = {name for name in project.sources if name.split(".")[-1] in ("scores", "score_candidates")}
    scores |= {name for name, node in project.nodes.items() if node.path.startswith("ml/")}
    assert len(scores) == 4
    amounts = [name for name, node in project.nodes.items() if node.resource_type == "model" and "close" in node.tags]
    assert len(amounts) > 10
    assert [name for name in amounts if _ancestors(project, name) & scores] == []


def _ancestors(project, name):
    seen, waiting = set(), [name]
    while waiting:
        parents = set(project.parent_map.get(waiting.pop(), [])) - seen
        seen |= parents
        waiting += parents
    return seen
