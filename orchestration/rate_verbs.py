"""What `meterline rates` prints."""

from __future__ import annotations

import json
from typing import Any

from orchestration.console import answer, say, table, working
from orchestration.errors import GateFailedError
from orchestration.runner import run_job

SIMULATED = "billing/simulated_rates"
DRAFT = ["invoice", "as of", "subtotal", "tax", "total", "currency"]


def verify(file: str) -> None:
    """Rate the facts of a file in one run and print each. Raises GateFailedError when one does not hold."""
    with working("rating facts"):
        done = run_job("verify_rates", ops={"rating__facts": {"config": {"file": file}}})["rating/verified_rates"]
    rows = [
        [
            verdict["fact_id"],
            verdict["model"],
            verdict["expected"],
            verdict["got"],
            "" if verdict["holds"] else "differs",
        ]
        for verdict in done["verdicts"]
    ]
    table("Facts", ["fact", "model", "expected", "got", ""], rows)
    say(f"{done['hold']} of {done['facts']} facts hold")
    if done["hold"] < done["facts"]:
        raise GateFailedError(f"check rating_facts: {done['facts'] - done['hold']} facts do not hold")


def preview(period: str, as_of: str) -> None:
    """Rate the open periods to date and print their drafts."""
    with working("rating open periods to date"):
        done = run_job(
            "preview_invoices",
            ops={"billing__previewed_periods": {"config": {"period": period, "as_of": as_of}}},
        )["billing/previewed_periods"]
    if not done["drafts"]:
        say("no open period has begun" + (f" that ends in {period}" if period else " and may not close yet"))
        return
    table(
        "Drafts (finance.draft_invoices)",
        ["invoice", "as of", "subtotal", "tax", "total", "currency"],
        done["invoices"],
    )
    say("nobody owes anything by a draft; `meterline close` makes the invoices")


def check(folder: str) -> None:
    """Check a configuration folder and print what is doubtful about it. Raises BadInputError for what is wrong."""
    with working("checking"):
        done = run_job("check_rates", ops={"check_configuration_folder": {"config": {"folder": folder}}})[
            "config/loads"
        ]
    for warning in done["warnings"]:
        say(f"warning: {warning}")
    say(f"{done['checked']}: nothing is wrong; nothing was loaded")


def diff(card: str, version: int, against: int, top: int, *, as_json: bool) -> None:
    """Simulate a version and print who would pay how much more or less."""
    config = {"rate_card_id": card, "rate_card_version": version, "against": against}
    with working("rating the last closed periods under both versions"):
        done = run_job("simulate_rates", ops={"billing__simulated_rates": {"config": config}})[SIMULATED]
    if as_json:
        answer(json.dumps(done, indent=2))
    else:
        _show(done, card, version, top)


def stage(card: str, version: int, by: str, reason: str, top: int) -> None:
    """Simulate a version, print what it changes, and record that it was looked at."""
    named = {"rate_card_id": card, "rate_card_version": version}
    with working("rating the last closed periods under both versions"):
        done = run_job(
            "stage_rates",
            ops={
                "billing__simulated_rates": {"config": named},
                "governance__staged_rates": {"config": named | {"by": by, "reason": reason}},
            },
        )[SIMULATED]
    _show(done, card, version, top)
    say(f"{by} staged version {version} of {card}; another person may promote exactly these prices")


def promote(config: dict[str, Any]) -> None:
    """Record that a version is promoted, and say what comes of it."""
    _decide("promote_rates", "promote_rate_version", config)
    whom = f"cohort {config['cohort']}" if config["cohort"] else "all"
    say(f"{config['by']} promoted {_name(config)} for {whom}: it prices what is not closed yet")
    say("what is closed stays as billed; `meterline preview` shows what changes")


def roll_back(config: dict[str, Any]) -> None:
    """Record that a version is taken back, and say what comes of it."""
    _decide("roll_back_rates", "roll_back_rate_version", config)
    say(f"{config['by']} took {_name(config)} back: the version before prices what is not closed yet")
    say("what is closed stays as billed; `meterline preview` shows what changes")


def _decide(job: str, step: str, config: dict[str, Any]) -> None:
    with working("recording the decision"):
        run_job(job, ops={step: {"config": config}})


def _name(config: dict[str, Any]) -> str:
    return f"version {config['rate_card_version']} of {config['rate_card_id']}"


def _show(done: dict[str, Any], card: str, version: int, top: int) -> None:
    """Test tenants, then the others who pay most more and least, the sums, and the steps of the price."""
    columns = [
        "tenant_id",
        "period_id",
        "current_amount",
        "candidate_amount",
        "difference_amount",
        "difference_percent",
    ]
    header = ["tenant", "period", "now", f"version {version}", "difference", "%"]
    rows = {
        is_test: [
            [row[name] for name in columns] for row in done["tenants"] if (row["is_test_tenant"] == "True") == is_test
        ]
        for is_test in (True, False)
    }
    if rows[True]:
        table("Test tenants", header, rows[True])
        _say_sums(done["difference_of_test_tenants"], len(rows[True]))
    real = rows[False]
    if len(real) > 2 * top:
        left_out = [f"... {len(real) - 2 * top} others", "", "", "", "", ""]
        table("Tenants on the card", header, [*real[:top], left_out, *real[-top:]])
    else:
        table("Tenants on the card", header, real)
    _say_sums(done["difference"], len(real))
    if done["cliffs"]:
        steps = [list(row.values()) for row in done["cliffs"]]
        table("Where the price has a step", ["charge", "model", "up to", "costs", "one more", "step", ""], steps)
    else:
        say(f"the price of {card} version {version} has no step")


def _say_sums(sums: dict[str, str], count: int) -> None:
    changes = ", ".join(f"{amount} {currency}" for currency, amount in sorted(sums.items()))
    say(f"{count} tenant(s), together {changes or 'nothing'}\n")
