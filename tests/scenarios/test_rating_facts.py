"""What other systems say that a use costs is what the rules make of it: all facts of a file in one run.

The facts beside this file are of every model, computed by hand; `notes` has the arithmetic where it is more than one
step. Published ones are rated with them where METERLINE_RATING_FACTS names their file. More can be run by

    meterline rates verify FILE
"""

from __future__ import annotations

import os
from pathlib import Path

from orchestration import rates
from orchestration.database.connection import connect
from orchestration.fact_forms import PARAMETERS
from orchestration.rate_facts import REMEDY, read_facts
from tests.support import Pipeline, run_dbt

FACTS = Path(__file__).with_name("rating_facts.json")
# A folder beside the checkout may hold published facts.
PUBLISHED = Path(
    os.environ.get("METERLINE_RATING_FACTS") or Path(__file__).parents[3] / "shared" / "rating_examples.json"
)


def test_every_fact_holds_and_what_is_not_supported_is_refused_by_name(pipeline: Pipeline) -> None:
    facts = read_facts(FACTS)
    assert {fact["model"] for fact in facts} == set(PARAMETERS)
    facts += read_facts(PUBLISHED) if PUBLISHED.exists() else []
    wrong = facts[0] | {"id": "wrong", "expected_amount": "1.26"}
    unknown = facts[0] | {"id": "unknown", "model": "auction"}
    with connect(pipeline.settings, "meterline_transform") as session:
        assert rates.store_facts(session, [*facts, wrong, unknown, "a\0"]) == 2
    run_dbt(pipeline.settings, "build", "--select", "tag:facts", "--exclude-resource-type", "unit_test")

    with connect(pipeline.settings, "meterline_transform") as session:
        verdicts = rates.outcome(session)
    assert [verdict for verdict in verdicts if not verdict.holds] == [
        rates.Verdict("wrong", "per_unit", False, "1.26", "1.25"),
        rates.Verdict(
            "unknown", "auction", False, "1.25",
            f"model 'auction' is not supported; supported are {', '.join(PARAMETERS)}",
        ),
        rates.Verdict(f"fact {len(facts) + 3} of the file", "", False, "", f"is no object; {REMEDY}"),
    ]  # fmt: skip
    assert len(verdicts) == len(facts) + 3
